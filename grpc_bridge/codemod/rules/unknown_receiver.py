"""A call of something unknown, by the name of a method that became a coroutine, is left as it is."""

from __future__ import annotations

from collections.abc import Iterator

from ..index import Function
from .base import Edit, Rule, View

RULE = Rule(
    id="GB722",
    slug="unknown-receiver",
    sentence="A call of something unknown, by the name of a method that became a coroutine, stays as it is.",
    before="""\
@plugin.command  # nobody knows what it hands over
def show(client):
    print(client.fetch_price("tea"))  # Client.fetch_price is a coroutine now
""",
    after="",
    remedy="Annotate what it is called on, and run the codemod again; or await it by hand where it is.",
)

COMMON = frozenset(
    name
    for kind in (str, bytes, list, dict, set, tuple, int, float, property, type, memoryview)
    for name in dir(kind)
) | frozenset(
    {
        "acquire", "add", "apply", "attach", "begin", "call", "cancel", "check", "close", "commit",
        "connect", "create", "debug", "delete", "done", "emit", "error", "execute", "fetch", "filter",
        "finish", "flush", "info", "init", "invoke", "load", "lock", "log", "main", "map", "next",
        "notify", "open", "parse", "post", "process", "push", "put", "query", "read", "receive",
        "register", "release", "request", "reset", "result", "run", "save", "search", "send", "set",
        "shutdown", "start", "status", "stop", "submit", "sync", "test", "throw", "unlock", "update",
        "wait", "warning", "watch", "write",
    }
)  # fmt: skip
"""Names that much else has too: one of these says nothing of what it is called on."""


def match(view: View) -> Iterator[Edit]:
    for node in view.graph.unknown.get(view.fn, ()):
        name = node.func.attr  # type: ignore[attr-defined]
        methods = view.colours.methods.get(name, []) if name not in COMMON else []
        if any(method in view.facts.handlers for method in methods):
            # Stubs have methods of that name, and those may be called from either colour.
            continue
        if methods and all(map(view.colours.is_async, methods)):
            view.report(RULE, node, message(methods, name), decide=True)
    yield from ()


def message(methods: list[Function], name: str) -> str:
    labels = " or ".join(sorted({method.label for method in methods})[:3])
    return f"this may call {labels}, a coroutine now; what {name} is called on is not known, so it stays"
