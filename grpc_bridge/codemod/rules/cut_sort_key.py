"""The key by which something is sorted stays sync."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB717",
    slug="cut-sort-key",
    sentence="The key by which something is sorted stays sync.",
    before="""\
orders.sort(key=lambda order: stub.Price(order).cents)
""",
    after="",
    remedy="Await the keys first, and sort by them.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
