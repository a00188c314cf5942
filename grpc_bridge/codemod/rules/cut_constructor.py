"""A constructor stays sync: whoever makes the object could not await it."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB713",
    slug="cut-constructor",
    sentence="A constructor stays sync: whoever makes the object could not await it.",
    before="""\
class Client:
    def __init__(self, stub):
        self.version = stub.Version(Empty()).text
""",
    after="",
    remedy="Make the call in a method that is awaited, such as an async factory or `__aenter__`.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
