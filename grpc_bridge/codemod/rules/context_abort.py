"""`context.abort` is awaited in a coroutine; it raises at once, awaited or not."""

from __future__ import annotations

from collections.abc import Iterator

from ..sites import CallSite
from .base import Edit, Rule, View
from .syntax import await_

RULE = Rule(
    id="GB302",
    slug="context-abort",
    sentence="`context.abort` is awaited in a coroutine; it raises at once, awaited or not.",
    before="""\
context.abort(grpc.StatusCode.NOT_FOUND, "no such order")
""",
    after="""\
await context.abort(grpc.StatusCode.NOT_FOUND, "no such order")
""",
)


def match(view: View) -> Iterator[Edit]:
    for site in view.sites(CallSite):
        if site.kinds == {"ServicerContext"} and view.spelling(site) == "await":
            yield view.edit(RULE, "Call", site.node, await_)
