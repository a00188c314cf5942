"""A constructor, a property or another method that Python calls itself stays sync."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB701",
    slug="cut-protocol",
    sentence="A constructor, a property or another method that Python calls itself stays sync.",
    before="""\
class Client:
    def __init__(self, stub):
        self.version = stub.Version(Empty()).text
""",
    after="",
    remedy="Move the call into a method that is awaited, such as an async factory or `__aenter__`.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
