"""A `__del__`, or another finalizer, stays sync: nobody is there to await it."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB714",
    slug="cut-finalizer",
    sentence="A `__del__`, or another finalizer, stays sync: nobody is there to await it.",
    before="""\
class Session:
    def __del__(self):
        self.stub.Close(self.id)
""",
    after="",
    remedy="Make the call in a `close` that is awaited, or in `__aexit__`.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
