"""A function that shares a stream, a value or a caller with code that stays sync stays sync."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB706",
    slug="cut-shared",
    sentence="A function that shares a stream, a value or a caller with code that stays sync stays sync.",
    before="""\
def price_all(orders):  # called from a thread only
    return [stub.Price(order) for order in orders]
""",
    after="",
    remedy="Migrate the code that stays sync, or separate what the two share.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
