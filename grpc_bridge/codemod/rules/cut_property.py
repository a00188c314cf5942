"""A property stays sync: it is read, not called."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB715",
    slug="cut-property",
    sentence="A property stays sync: it is read, not called.",
    before="""\
class Client:
    @property
    def version(self):
        return self.stub.Version(Empty()).text
""",
    after="",
    remedy="Make it a method that is awaited, or ask once and keep the answer.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
