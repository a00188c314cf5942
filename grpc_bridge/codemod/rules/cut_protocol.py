"""A comparison, a hash or another method that Python calls itself stays sync."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB701",
    slug="cut-protocol",
    sentence="A comparison, a hash or another method that Python calls itself stays sync.",
    before="""\
class Basket:
    def __len__(self):
        return self.stub.Count(Empty()).number
""",
    after="",
    remedy="Make the call in a method with a name of its own, which is awaited.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
