"""A function that awaits becomes `async def`."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View
from .syntax import make_async

RULE = Rule(
    id="GB201",
    slug="async-def",
    sentence="A function that awaits becomes `async def`.",
    before="""\
def fetch(stub):
    return stub.Get(Request())
""",
    after="""\
async def fetch(stub):
    return await stub.Get(Request())
""",
)


def match(view: View) -> Iterator[Edit]:
    fn = view.fn
    if (
        view.becomes_async
        # What it declares returns an asynchronous iterator, and is not awaited before.
        and not fn.is_declared
        and fn not in view.colours.entries
        and not (fn.name == "__iter__" and fn.cls is not None and not fn.is_generator)
    ):
        yield view.edit(RULE, "FunctionDef", fn.node, make_async)
