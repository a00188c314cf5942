"""A generator stays sync that sync code reads, or that is used as asynchronous ones cannot be."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB720",
    slug="cut-generator",
    sentence="A generator stays sync that sync code reads, or that is used as asynchronous ones cannot be.",
    before="""\
def rows(stub):
    for page in range(3):
        yield stub.Page(page)


csv.writer(out).writerows(rows(stub))
""",
    after="",
    remedy="Collect it in a list where it is awaited, and hand that on.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
