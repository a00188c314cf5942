"""`yield from` a stream becomes `async for` with `yield`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..later import cst
from ..sites import IterateSite
from .async_for import drives
from .base import Edit, Rule, View
from .collect import free_name
from .syntax import async_

RULE = Rule(
    id="GB208",
    slug="yield-from",
    sentence="`yield from` a stream becomes `async for` with `yield`.",
    before="""\
def relay(stub, request):
    yield from stub.Watch(request)
""",
    after="""\
async def relay(stub, request):
    async for item in stub.Watch(request):
        yield item
""",
)


def match(view: View) -> Iterator[Edit]:
    if not (view.is_async and view.fn.is_generator):
        return
    variable = free_name(view)
    for node in ast.walk(view.fn.node):
        owner = view.graph.parents.get(node)
        if isinstance(node, ast.YieldFrom) and isinstance(owner, ast.Expr) and owned(view, node):
            sites = [s for s in view.sites(IterateSite) if s.node is node]
            is_async = any(drives(view, site) for site in sites)
            yield view.edit(
                RULE, "SimpleStatementLine", owner, partial(make_loop, variable=variable, is_async=is_async)
            )


def owned(view: View, node: ast.AST) -> bool:
    """True where `node` is the function's own and not that of a function inside it."""
    parent = view.graph.parents.get(node)
    while parent is not None and not isinstance(parent, (ast.FunctionDef, ast.Lambda, ast.AsyncFunctionDef)):
        parent = view.graph.parents.get(parent)
    return parent is view.fn.node


def make_loop(node: cst.SimpleStatementLine, variable: str, is_async: bool) -> cst.For:
    expression = node.body[0]
    assert isinstance(expression, cst.Expr)
    assert isinstance(expression.value, cst.Yield)
    source = expression.value.value
    assert isinstance(source, cst.From)
    body = cst.SimpleStatementLine([cst.Expr(cst.Yield(cst.Name(variable)))])
    return cst.For(
        target=cst.Name(variable),
        iter=source.item,
        body=cst.IndentedBlock([body], header=node.trailing_whitespace),
        asynchronous=async_() if is_async else None,
        leading_lines=node.leading_lines,
    )
