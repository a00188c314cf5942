"""A function stays sync that a file outside the run calls."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB710",
    slug="cut-outside",
    sentence="A function stays sync that a file outside the run calls.",
    before="""\
# the run: client.py
def fetch(stub):
    return stub.Get(Request())


# not in the run: report.py
print(client.fetch(stub))
""",
    after="",
    remedy="Put the file that calls it into the run.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
