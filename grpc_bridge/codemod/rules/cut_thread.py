"""A function that runs in a plain thread stays sync and blocks there."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB703",
    slug="cut-thread",
    sentence="A function that runs in a plain thread stays sync and blocks there.",
    before="""\
threading.Thread(target=poll, args=(stub,)).start()
""",
    after="",
    remedy="Nothing has to be done; where the thread exists only to wait, start a task in its place.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
