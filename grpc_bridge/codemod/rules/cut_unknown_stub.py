"""A function stays sync that calls a stub whose generated code is not in reach."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB709",
    slug="cut-unknown-stub",
    sentence="A function stays sync that calls a stub whose generated code is not in reach.",
    before="""\
from elsewhere_pb2_grpc import OrdersStub  # not installed here


def order(channel):
    return OrdersStub(channel).Place(Order())
""",
    after="",
    remedy="Install the generated code, or put it into the run.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
