"""A bridge between sync and async code goes when both of its ends are coroutines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..futures import is_one_of
from ..later import cst
from ..sites import CallSite
from ..threads import comment_beside
from .base import Edit, Rule, View
from .syntax import await_

RULE = Rule(
    id="GB505",
    slug="needless-bridge",
    sentence="A bridge between sync and async code goes when both of its ends are coroutines.",
    before="""\
def report(stub):
    print(grpc.run(fetch(stub)))


async def price(order):
    return await asyncio.to_thread(look_up, order)
""",
    after="""\
async def report(stub):
    print(await fetch(stub))


async def price(order):
    return await look_up(order)
""",
)


LOOPS = frozenset({"asyncio.get_running_loop", "asyncio.get_event_loop"})


def match(view: View) -> Iterator[Edit]:
    gone: list[ast.AST] = []
    for site in view.sites(CallSite):
        if view.spelling(site) != "await":
            continue
        if site.kinds == {"run"}:
            release(view, site.node.func)
            yield view.edit(RULE, "Call", site.node, await_argument)
        elif site.threaded is not None:
            release(view, site.node.func)
            gone += ast.walk(site.node.func)
            lambda_ = isinstance(site.threaded, ast.Lambda)
            change = partial(call_argument, place=site.node.args.index(site.threaded))
            yield view.edit(RULE, "Call", site.node, call_of_lambda if lambda_ else change)
    yield from loops(view, set(gone))


def loops(view: View, gone: set[ast.AST]) -> Iterator[Edit]:
    """`loop = asyncio.get_running_loop()` goes with the last use of the loop."""
    names = [node for node in ast.walk(view.fn.node) if isinstance(node, ast.Name)] if gone else []
    for name in sorted({node.id for node in names if node in gone}):
        uses = [node for node in names if node.id == name]
        bound = [node for node in uses if not isinstance(node.ctx, ast.Load)]
        statement = view.graph.parents.get(bound[0]) if len(bound) == 1 else None
        if (
            isinstance(statement, ast.Assign)
            and len(statement.targets) == 1
            and all(node in gone for node in uses if node not in bound)
            and is_one_of(statement.value, LOOPS, view.facts, called=True)
            and not comment_beside(statement, view.module.lines)
        ):
            view.release(statement.value)
            yield view.edit(RULE, "SimpleStatementLine", statement, lambda _: cst.RemoveFromParent())


def release(view: View, bridge: ast.expr) -> None:
    """The import of a bridge may have been for its sake alone."""
    head = bridge.value if isinstance(bridge, ast.Attribute) else bridge
    if isinstance(head, ast.Name):
        view.plan.released[head.id] = view.plan.released.get(head.id, 0) + 1


def await_argument(node: cst.Call) -> cst.Await:
    return await_(node.args[0].value.with_changes(lpar=list(node.lpar), rpar=list(node.rpar)))


def call_argument(node: cst.Call, place: int) -> cst.Call:
    return node.with_changes(func=node.args[place].value, args=node.args[place + 1 :])


def call_of_lambda(node: cst.Call) -> cst.BaseExpression:
    """`asyncio.to_thread(lambda: f(a))` as `f(a)`."""
    function = node.args[-1].value
    assert isinstance(function, cst.Lambda)
    return function.body.with_changes(lpar=list(node.lpar), rpar=list(node.rpar))
