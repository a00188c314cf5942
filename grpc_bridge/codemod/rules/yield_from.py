"""`yield from` a stream becomes `async for` with `yield`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

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

BLOCKS = ("body", "orelse", "finalbody")


def match(view: View) -> Iterator[Edit]:
    if not (view.is_async and view.fn.is_generator):
        return
    variable = free_name(view)
    lines: dict[ast.stmt, list[bool]] = {}
    for node in ast.walk(view.fn.node):
        owner = view.graph.parents.get(node)
        if isinstance(node, ast.YieldFrom) and isinstance(owner, ast.Expr) and owned(view, node):
            sites = [s for s in view.sites(IterateSite) if s.node is node]
            first = first_of_line(owner, view.graph.parents)
            lines.setdefault(first, []).append(any(drives(view, site) for site in sites))
    for first, flags in lines.items():
        before = view.module.lines[first.lineno - 1].encode()[: first.col_offset]
        kind = "SimpleStatementSuite" if before.strip() else "SimpleStatementLine"
        yield view.edit(RULE, kind, first, partial(make_loops, variable=variable, flags=flags))


def first_of_line(statement: ast.stmt, parents: Mapping[ast.AST, ast.AST]) -> ast.stmt:
    """The first of the statements that semicolons join to this one."""
    parent = parents[statement]
    block = next(body for field in BLOCKS if statement in (body := getattr(parent, field, None) or []))
    place = block.index(statement)
    while place and block[place - 1].end_lineno == block[place].lineno:
        place -= 1
    first: ast.stmt = block[place]
    return first


def owned(view: View, node: ast.AST) -> bool:
    """True where `node` is the function's own and not that of a function inside it."""
    parent = view.graph.parents.get(node)
    while parent is not None and not isinstance(parent, (ast.FunctionDef, ast.Lambda, ast.AsyncFunctionDef)):
        parent = view.graph.parents.get(parent)
    return parent is view.fn.node


def make_loops(
    node: cst.SimpleStatementLine | cst.SimpleStatementSuite, variable: str, flags: Sequence[bool]
) -> cst.FlattenSentinel[cst.BaseStatement] | cst.For | cst.IndentedBlock:
    """The statements of a line, each `yield from` among them as a loop of its own."""
    statements: list[Any] = []
    left = iter(flags)
    for small in node.body:
        if isinstance(small, cst.Expr) and isinstance(small.value, cst.Yield) and small.value.value:
            source = small.value.value
            if isinstance(source, cst.From):
                statements.append(loop(source.item, variable, next(left)))
                continue
        alone = small.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
        statements.append(cst.SimpleStatementLine([alone]))
    if isinstance(node, cst.SimpleStatementSuite):
        return cst.IndentedBlock(statements, header=node.trailing_whitespace)
    last = statements[-1]
    if isinstance(last, cst.For):
        last = last.with_changes(body=last.body.with_changes(header=node.trailing_whitespace))
    else:
        last = last.with_changes(trailing_whitespace=node.trailing_whitespace)
    statements[-1] = last
    statements[0] = statements[0].with_changes(leading_lines=node.leading_lines)
    return statements[0] if len(statements) == 1 else cst.FlattenSentinel(statements)


def loop(source: cst.BaseExpression, variable: str, is_async: bool) -> cst.For:
    body = cst.SimpleStatementLine([cst.Expr(cst.Yield(cst.Name(variable)))])
    return cst.For(
        target=cst.Name(variable),
        iter=source,
        body=cst.IndentedBlock([body]),
        asynchronous=async_() if is_async else None,
    )
