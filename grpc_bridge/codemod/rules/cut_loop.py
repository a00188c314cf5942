"""A function that keeps an event loop of its own stays sync: no loop runs inside another."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB721",
    slug="cut-loop",
    sentence="A function that keeps an event loop of its own stays sync: no loop runs inside another.",
    before="""\
def report(stub):
    print(stub.Get(request))
    with asyncio.Runner() as runner:
        runner.run(watch(stub))
""",
    after="",
    remedy="Make its body a coroutine function, and run that with one `asyncio.run`.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
