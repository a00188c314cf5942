"""A function that waits while it holds a threading lock stays sync."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB704",
    slug="cut-lock",
    sentence="A function that waits while it holds a threading lock stays sync.",
    before="""\
def refresh(self):
    with self._lock:
        self._cache = self._stub.List(Empty())
""",
    after="",
    remedy="Take an asyncio.Lock where all who share it are coroutines, or wait outside the lock.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
