"""A stub whose generated code is not in reach is taken to stream where it is used so."""

from __future__ import annotations

from collections.abc import Iterator

from ..index import own_nodes
from .base import Edit, Rule, View

RULE = Rule(
    id="GB712",
    slug="assumed-arity",
    sentence="A stub whose generated code is not in reach is taken to stream where it is used so.",
    before="""\
from elsewhere_pb2_grpc import OrdersStub  # not installed here


def names(channel):
    return [order.name for order in OrdersStub(channel).List(Empty())]
""",
    after="""\
from elsewhere_pb2_grpc import OrdersStub  # not installed here


async def names(channel):
    return [order.name async for order in OrdersStub(channel).List(Empty())]
""",
    remedy="Check it against the service's definition, or install the generated code.",
)


def match(view: View) -> Iterator[Edit]:
    """Says so where the method is called; what follows from it is up to the other rules."""
    for node in own_nodes(view.fn) if view.program.assumed else ():
        if node in view.program.assumed:
            view.report(RULE, node, view.program.assumed[node])
    yield from ()
