"""A builtin that reads a whole stream gets a list of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..later import cst
from ..nodes import walk
from ..sites import IterateSite
from .async_for import drives
from .base import Edit, Rule, View
from .syntax import async_, list_comprehension

RULE = Rule(
    id="GB207",
    slug="collect",
    sentence="A builtin that reads a whole stream gets a list of it.",
    before="""\
replies = list(stub.Watch(request))
ordered = sorted(stub.Watch(request), key=by_name)
list(stub.Watch(request))
""",
    after="""\
replies = [item async for item in stub.Watch(request)]
ordered = sorted([item async for item in stub.Watch(request)], key=by_name)
async for _ in stub.Watch(request):
    pass
""",
    remedy="Write the loop by hand where the stream may be long.",
)

DISPLAYS = frozenset({"list", "set"})
LAZY = frozenset({"enumerate", "zip"})
LATER = "reads the whole stream before its first step; it did not before"
SOONER = "the whole stream is read before it is searched; it was read as far as the match before"


def match(view: View) -> Iterator[Edit]:
    if not view.is_async:
        return
    variable = ""
    for site in view.sites(IterateSite):
        form, _, builtin = site.form.partition(" ")
        if form not in ("whole", "collect") or not drives(view, site):
            continue
        variable = variable or free_name(view)
        if form == "whole" and site.iterable is not None:
            kind = type(site.iterable).__name__
            message = SOONER if builtin == "in" else None
            yield view.edit(RULE, kind, site.iterable, partial(gather, variable=variable), message)
            continue
        if form == "whole" or not isinstance(site.owner, ast.Call):
            continue
        alone = len(site.owner.args) == 1 and not site.owner.keywords
        message = None
        if builtin in LAZY:
            message = f"{builtin}() {LATER}"
        if builtin in (*DISPLAYS, "tuple") and alone and (statement := ignored(view, site.owner)):
            unused = "_" if "_" not in used_names(view) else variable
            yield view.edit(RULE, "SimpleStatementLine", statement, partial(drain, variable=unused))
        elif builtin in DISPLAYS and alone:
            yield view.edit(RULE, "Call", site.owner, partial(display, builtin=builtin, variable=variable))
        else:
            index = site.owner.args.index(site.iterable) if site.iterable in site.owner.args else 0
            change = partial(argument, index=index, variable=variable)
            yield view.edit(RULE, "Call", site.owner, change, message)


def free_name(view: View) -> str:
    """A name for the loop variable that the function does not use for something else."""
    used = used_names(view)
    return next(name for name in ("item", "element", "one", "item_", "item__") if name not in used)


def used_names(view: View) -> set[str]:
    return {node.id for node in walk(view.fn.node) if isinstance(node, ast.Name)} | view.fn.bound


def ignored(view: View, call: ast.Call) -> ast.Expr | None:
    """The statement that a call is, if its value goes nowhere and nothing else is on its lines."""
    statement = view.graph.parents[call]
    if not isinstance(statement, ast.Expr):
        return None
    before = view.module.lines[statement.lineno - 1].encode()[: statement.col_offset]
    after = view.module.lines[(statement.end_lineno or 0) - 1].encode()[statement.end_col_offset :]
    return None if before.strip() or after.strip().startswith(b";") else statement


def drain(node: cst.SimpleStatementLine, variable: str) -> cst.For:
    """`list(stream)`, of which nobody takes the list, as a loop to the end."""
    expression = cst.ensure_type(node.body[0], cst.Expr)
    return cst.For(
        target=cst.Name(variable),
        iter=cst.ensure_type(expression.value, cst.Call).args[0].value,
        body=cst.IndentedBlock([cst.SimpleStatementLine([cst.Pass()])], header=node.trailing_whitespace),
        asynchronous=async_(),
        leading_lines=node.leading_lines,
    )


def gather(node: cst.BaseExpression, variable: str) -> cst.ListComp:
    return list_comprehension(node, variable)


def display(node: cst.Call, builtin: str, variable: str) -> cst.BaseExpression:
    inner = list_comprehension(node.args[0].value, variable)
    parens = {"lpar": list(node.lpar), "rpar": list(node.rpar)}
    if builtin == "list":
        return inner.with_changes(**parens)
    return cst.SetComp(elt=inner.elt, for_in=inner.for_in, **parens)  # type: ignore[arg-type]


def argument(node: cst.Call, index: int, variable: str) -> cst.Call:
    args = list(node.args)
    args[index] = args[index].with_changes(value=list_comprehension(args[index].value, variable))
    return node.with_changes(args=args)
