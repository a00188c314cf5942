"""Messages of calls that stream, both ends of one kind; one call at a time."""

from __future__ import annotations

import argparse

from ..measure import MESSAGES
from .base import BOTH, Case, both_ends

SHAPES = {"receive": "server streaming", "send": "client streaming", "exchange": "ping-pong"}


def streaming(options: argparse.Namespace) -> list[Case]:
    cases = []
    for shape, title in SHAPES.items():
        contenders = [both_ends(options, who, {"shape": shape, "concurrency": 1}) for who in BOTH]
        cases.append(Case(f"streaming/{shape}", title, contenders, (MESSAGES,), ("client", "server")))
    return cases
