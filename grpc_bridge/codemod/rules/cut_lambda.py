"""A lambda stays sync: it cannot await."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB716",
    slug="cut-lambda",
    sentence="A lambda stays sync: it cannot await.",
    before="""\
total = map(lambda order: stub.Price(order).cents + 1, orders)
""",
    after="",
    remedy="Make it an `async def`, or await before it and pass the value.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
