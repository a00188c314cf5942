"""A callback, or another function handed to code outside the run, stays sync."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB702",
    slug="cut-callback",
    sentence="A callback, or another function handed to code outside the run, stays sync.",
    before="""\
button.connect(buy)
""",
    after="",
    remedy="Await before the call and pass the value, or hand the function to something that awaits it.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
