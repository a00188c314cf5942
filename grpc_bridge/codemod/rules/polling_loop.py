"""A loop that asks again and again whether something is done lets the event loop run, or it never will be."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import partial

from ..index import own_nodes
from ..later import cst
from ..nodes import walk
from ..sites import CallSite, IterateSite, ReadSite, WaitSite, WithSite
from ..values import Obj
from .async_for import drives
from .base import Edit, Rule, View
from .syntax import name

RULE = Rule(
    id="GB407",
    slug="polling-loop",
    sentence="A loop that asks again and again whether something is done lets the event loop run.",
    before="""\
future = stub.Hi.future(request)
while not future.done():
    spin()
print(future.result())
""",
    after="""\
future = stub.Hi.future(request)
while not future.done():
    await asyncio.sleep(0)
    spin()
print(await future.result())
""",
    remedy="Await what is asked for, in place of the loop.",
)

POLLS = frozenset({"done", "running", "cancelled", "is_active", "is_alive", "is_set"})
MESSAGE = "the loop asks again and again and never waited; it lets the event loop run now"


def match(view: View) -> Iterator[Edit]:
    if not view.is_async:
        return
    loops = [node for node in own_nodes(view.fn) if isinstance(node, ast.While)]
    waits = waiting(view) if loops else set()
    own = set(own_nodes(view.fn)) if loops else set()
    for loop in loops:
        inside = {node for node in walk(loop) if node in own}
        if any(polls(view, node) for node in inside) and not always([loop], waits, own):
            view.plan.imports.add("asyncio")
            idle = all(isinstance(statement, ast.Pass) for statement in loop.body)
            yield view.edit(RULE, "While", loop, partial(let_run, idle=idle), MESSAGE)


def polls(view: View, node: ast.AST) -> bool:
    """True for a question that a loop's other tasks would have to change the answer of."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in POLLS):
        return False
    taken = view.colours.counterparts.taken
    return any(isinstance(value, Obj) for value in view.facts.of(node.func.value)) or any(
        use.place is node for primitive in taken for use in primitive.uses
    )


def waiting(view: View) -> set[ast.AST]:
    """The nodes at which the coroutine gives way."""
    kinds = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield)
    found: set[ast.AST] = {node for node in own_nodes(view.fn) if isinstance(node, kinds)}
    for site in view.graph.of(view.fn):
        if (
            isinstance(site, (WaitSite, ReadSite))
            or (isinstance(site, CallSite) and view.spelling(site) in ("await", "to_thread"))
            or (isinstance(site, IterateSite) and drives(view, site))
            or (isinstance(site, WithSite) and site.channel)
        ):
            found.add(site.node)
    taken = view.colours.counterparts.taken
    return found | {use.place for primitive in taken for use in primitive.uses if use.waits}


def always(statements: Sequence[ast.stmt], waits: set[ast.AST], own: set[ast.AST]) -> bool:
    """True where these statements wait or leave the loop, whichever way they take."""

    def within(*nodes: ast.AST) -> bool:
        return any(node in waits for top in nodes for node in walk(top) if node in own)

    for statement in statements:
        if isinstance(statement, (ast.Break, ast.Return, ast.Raise)):
            return True
        if isinstance(statement, ast.Continue):
            return False
        if isinstance(statement, ast.If):
            if within(statement.test) or (
                always(statement.body, waits, own) and always(statement.orelse, waits, own)
            ):
                return True
        elif isinstance(statement, ast.Try):
            if always(statement.body, waits, own) or always(statement.finalbody, waits, own):
                return True
        elif isinstance(statement, ast.While):
            # Whoever asks is at its first turn: this one, or one inside.
            if within(statement.test) or always(statement.body, waits, own):
                return True
        elif isinstance(statement, ast.With):
            if statement in waits or within(*statement.items) or always(statement.body, waits, own):
                return True
        elif isinstance(statement, ast.For):
            if statement in waits or within(statement.iter):
                return True
        elif within(statement):
            return True
    return False


def let_run(node: cst.While, idle: bool) -> cst.While:
    """The loop with `await asyncio.sleep(0)` at the start of each turn; alone, where there was nothing."""
    sleep = cst.Await(cst.Call(name("asyncio.sleep"), [cst.Arg(cst.Integer("0"))]))
    first = cst.SimpleStatementLine([cst.Expr(sleep)])
    body = node.body
    if isinstance(body, cst.SimpleStatementSuite):
        rest = [] if idle else [cst.SimpleStatementLine(body.body)]
        return node.with_changes(body=cst.IndentedBlock([first, *rest], header=body.trailing_whitespace))
    statements = [] if idle else list(cst.ensure_type(body, cst.IndentedBlock).body)
    return node.with_changes(body=body.with_changes(body=[first, *statements]))
