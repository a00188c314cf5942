"""Writes the pages that say what the code says: `python -m docs.generate`.

`docs/members.md` is made from `grpc_bridge/_surface.py`, `docs/rules.md` from the codemod's rules. Both are
committed, so that they can be read where they lie; a test holds them to what this module writes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import grpc
import jinja2

import grpc_bridge
from grpc_bridge._surface import MULTI_CALLABLES, SURFACE, Member
from grpc_bridge.codemod.rules import RULES

DOCS = Path(__file__).parent
PAGES = ("members.md", "rules.md")

OBJECTS = {
    "Call": "call",
    "Channel": "channel",
    "Future": "future",
    "ResponseStream": "call",
    "RequestIterator": "request_iterator",
    "RpcError": "error",
    "Server": "server",
    "ServicerContext": "context",
    "StopEvent": "stopped",
    "experimental": "grpc.experimental",
}
"""What an object of that class is called in examples."""

TITLES = {
    "": "Functions and classes of the module",
    "experimental": "grpc.experimental",
    "ResponseStream": "What a call with a stream of responses returns",
    "RequestIterator": "The request iterator of a handler",
    "StopEvent": "What `Server.stop` returns",
}


def page(name: str) -> str:
    """The text of one of `PAGES`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(DOCS / "templates"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,
    )
    environment.filters.update(spelled=spelled, in_words=in_words)
    return environment.get_template(f"{name}.j2").render(owners=owners(), ours=ours(), rules=RULES)


def owners() -> list[tuple[str, list[Member]]]:
    """The table, class by class: a title, and the rows."""
    names = dict.fromkeys(member.owner for member in SURFACE)
    rows = sorted(SURFACE, key=lambda member: list(names).index(member.owner))
    return [
        (TITLES.get(owner, f"grpc.{owner}"), list(members))
        for owner, members in groupby(rows, key=lambda member: member.owner)
    ]


def ours() -> Iterator[tuple[str, str]]:
    """The names that grpcio does not have, and the first line of what is said of each."""
    for name in grpc_bridge._OURS:
        if not hasattr(grpc, name):
            told = inspect.getdoc(getattr(grpc_bridge, name)) or ""
            yield name, told.partition("\n")[0].replace("``", "`")


def in_words(member: Member) -> str:
    """What the member gives in a thread; empty for a plain value."""
    return "" if member.returns == "value" else member.returns


def spelled(member: Member) -> str:
    """How the member is used in a coroutine, as code; empty where it is used as in a thread."""
    owner = "stub.Method" if member.owner in MULTI_CALLABLES.values() else OBJECTS.get(member.owner, "grpc")
    called = f"{owner}(...)" if member.name == "__call__" else f"{owner}.{member.name}(...)"
    match member.spelling:
        case "same":
            return ""
        case "await":
            return f"`await {called}`"
        case "async with":
            return f"`async with {owner}:`"
        case "async for":
            return f"`async for item in {owner}:`"
        case "anext":
            return f"`await anext({owner})`"


def main() -> None:
    for name in PAGES:
        (DOCS / name).write_text(page(name), encoding="utf-8")


if __name__ == "__main__":
    main()
