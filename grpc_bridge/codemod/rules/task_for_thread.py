"""A thread that only waits becomes a task, where a coroutine starts it and waits for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..later import cst
from ..primitives import THREAD
from ..threads import start_of
from .base import Edit, Rule, View
from .primitive import taken, uses
from .syntax import await_, keyword, spaced
from .syntax import name as syntax_name

RULE = Rule(
    id="GB405",
    slug="task-for-thread",
    sentence="A thread that only waits becomes a task, where a coroutine starts it and waits for it.",
    before="""\
reader = threading.Thread(target=read, args=(stub, seen))
reader.start()
reader.join()
""",
    after="""\
reader = asyncio.create_task(read(stub, seen))
await asyncio.wait([reader])
""",
    remedy="Nothing has to be done: what blocks in a thread blocks nobody else.",
)

FREE = (ast.If, ast.While, ast.Assign, ast.Return, ast.Assert)
"""Where `not x` needs no parentheses."""


def match(view: View) -> Iterator[Edit]:
    report_threads(view)
    for primitive in taken(view, {THREAD}):
        if primitive.makers[0] is view.fn:
            made = primitive.made[0]
            view.plan.imports.add("asyncio")
            view.release(made)
            yield view.edit(RULE, "Call", made, create_task)
    for primitive, use in uses(view, {THREAD}):
        if use.method == "start":
            statement = start_of(primitive, view.graph.parents)
            assert statement is not None
            kind = "For" if isinstance(statement, ast.For) else "SimpleStatementLine"
            yield view.edit(RULE, kind, statement, drop)
        elif use.method == "join":
            view.plan.imports.add("asyncio")
            view.plan.claimed.add(use.place)
            yield view.edit(RULE, "Call", use.place, wait)
        elif use.method == "is_alive":
            free = isinstance(view.graph.parents[use.place], FREE)
            yield view.edit(RULE, "Call", use.place, partial(not_done, free=free))


def report_threads(view: View) -> None:
    """A finding for a thread that coroutines start and that stays one."""
    counterparts = view.colours.counterparts
    for primitive in counterparts.primitives:
        kept = primitive in counterparts.relevant - counterparts.taken
        if kept and primitive.kind == THREAD and primitive.makers[0] is view.fn and view.is_async:
            view.report(RULE, primitive.made[0], f"the thread stays: {primitive.trouble}")


def create_task(node: cst.Call) -> cst.Call:
    """`Thread(target=f, args=(a,), name=n)` as `asyncio.create_task(f(a), name=n)`."""
    given = {arg.keyword.value: arg.value for arg in node.args if arg.keyword is not None}
    args: list[cst.Arg] = []
    sequence, mapping = given.get("args"), given.get("kwargs")
    if isinstance(sequence, (cst.Tuple, cst.List)):
        args += [cst.Arg(element.value) for element in sequence.elements]
    if isinstance(mapping, cst.Dict):
        for element in mapping.elements:
            assert isinstance(element, cst.DictElement)
            assert isinstance(element.key, cst.SimpleString)
            args.append(keyword(str(element.key.evaluated_value), element.value))
    outer = [cst.Arg(cst.Call(given["target"], spaced(args)))]
    if "name" in given:
        outer.append(keyword("name", given["name"]))
    return node.with_changes(
        func=syntax_name("asyncio.create_task"),
        args=spaced(outer),
        whitespace_before_args=cst.SimpleWhitespace(""),
    )


def drop(_: cst.SimpleStatementLine | cst.For) -> cst.RemovalSentinel:
    return cst.RemoveFromParent()


def wait(node: cst.Call) -> cst.Await:
    """`thread.join(5)`: like it, `asyncio.wait` raises nothing and returns when the time is over."""
    assert isinstance(node.func, cst.Attribute)
    tasks = cst.Arg(cst.List([cst.Element(node.func.value)]))
    limit = [keyword("timeout", arg.value) for arg in node.args]
    return await_(node.with_changes(func=syntax_name("asyncio.wait"), args=spaced([tasks, *limit])))


def not_done(node: cst.Call, free: bool) -> cst.UnaryOperation:
    assert isinstance(node.func, cst.Attribute)
    inner = node.with_changes(func=node.func.with_changes(attr=cst.Name("done")), lpar=[], rpar=[])
    if free and not node.lpar:
        return cst.UnaryOperation(cst.Not(), inner)
    return cst.UnaryOperation(cst.Not(), inner, lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
