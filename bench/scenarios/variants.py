"""Other messages and another loop: both ends of one kind, unary and streaming."""

from __future__ import annotations

import argparse
from typing import Any

from ..measure import CALLS, MESSAGES
from .base import ASYNC_BOTH, Case, both_ends

_VARIANTS: dict[str, dict[str, Any]] = {
    "raw 64 KiB": {"payload": 64 * 1024},
    "protobuf 64 B": {"messages": "protobuf"},
    "protobuf 64 KiB": {"messages": "protobuf", "payload": 64 * 1024},
    "raw 64 B, uvloop": {"loop": "uvloop"},
}
_LOADS = {
    "unary": ("unary, concurrency 64", {"shape": "unary", "concurrency": 64}, CALLS),
    "receive": ("server streaming", {"shape": "receive", "concurrency": 1}, MESSAGES),
}


def variants(options: argparse.Namespace) -> list[Case]:
    cases = []
    for variant, changed in _VARIANTS.items():
        varied = argparse.Namespace(**{**vars(options), **changed})
        for shape, (title, load, figure) in _LOADS.items():
            contenders = [both_ends(varied, who, load) for who in ASYNC_BOTH]
            key = f"variants/{variant}/{shape}"
            cases.append(Case(key, f"{title}, {variant}", contenders, (figure,), ("client", "server")))
    return cases
