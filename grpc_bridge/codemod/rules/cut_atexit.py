"""What runs when the interpreter exits stays sync: no loop runs any more."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB719",
    slug="cut-atexit",
    sentence="What runs when the interpreter exits stays sync: no loop runs any more.",
    before="""\
@atexit.register
def goodbye():
    stub.Leave(Empty())
""",
    after="",
    remedy="Nothing has to be done; where the program ends in a coroutine, make the call there.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
