"""An executor that only waits becomes tasks, where a coroutine opens it and waits for all that it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial
from typing import Any

from ..executors import Executor, leaves
from ..later import cst
from .base import Edit, Rule, View
from .syntax import await_, comma, keyword, make_async, renamed, spaced, wrap_call
from .syntax import name as syntax_name

RULE = Rule(
    id="GB406",
    slug="gather-for-executor",
    sentence="An executor becomes tasks, where a coroutine opens it and waits for all that it runs.",
    before="""\
with ThreadPoolExecutor() as pool:
    futures = [pool.submit(fetch, stub, n) for n in numbers]
    replies = [future.result() for future in futures]
    prices = list(pool.map(stub.Hi, articles))
""",
    after="""\
futures = [asyncio.create_task(fetch(stub, n)) for n in numbers]
replies = [await future for future in futures]
prices = await asyncio.gather(*map(stub.Hi, articles))
""",
    remedy="Keep each future in a variable or a list, and wait for all in the block; or make tasks by hand.",
)


COMPLETED = """\
async def {name}(tasks):
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            yield task
"""
LIMITED = """\
async def {name}(limit, function, *args, **kwargs):
    async with limit:
        return await function(*args, **kwargs)
"""


def match(view: View) -> Iterator[Edit]:
    executors = view.colours.counterparts.executors
    for executor in executors.found:
        if executor.fn is not view.fn:
            continue
        if executor in executors.taken:
            yield from tasks(view, executor)
        elif executor in executors.relevant:
            view.report(RULE, executor.node, f"the executor stays: {executor.trouble}")


def tasks(view: View, executor: Executor) -> Iterator[Edit]:
    view.plan.imports.add("asyncio")
    view.plan.claimed.update(executor.places(view.graph.parents))
    made = executor.node.items[0].context_expr
    view.release(made)
    limited = helper(view, "_limited", LIMITED) if executor.limit is not None else ""
    functions = [executor.fn, *executor.targets]
    change_block = partial(opened, limited=bool(limited), rest=stragglers(executor))
    yield view.edit(RULE, "With", executor.node, change_block, functions=functions)
    for call, rpc in executor.submits.items():
        starter = "asyncio.ensure_future" if rpc else "asyncio.create_task"
        change = partial(limited_task, helper=limited) if limited else partial(task, starter=starter)
        yield view.edit(RULE, "Call", call, change)
    for call in executor.results:
        yield view.edit(RULE, "Call", call, result)
    for call in executor.timed:
        yield view.edit(RULE, "Call", call, timed_result)
    for caught in executor.late:
        view.release(caught)
        yield view.edit(RULE, type(caught).__name__, caught, lambda _: syntax_name("asyncio.TimeoutError"))
    for call in executor.completed:
        view.release(call.func)
        yield from as_they_come(view, call, call in executor.themselves)
    for call in executor.waits:
        view.release(call.func)
        yield view.edit(RULE, "Call", call, wait)
    for call, ignored in executor.maps.items():
        if limited:
            view.plan.imports.add("functools")
        yield view.edit(RULE, "Call", call, partial(gather, ignored=ignored, helper=limited))
        parent = view.graph.parents[call]
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "list":
            yield view.edit(RULE, "Call", parent, only)


def as_they_come(view: View, call: ast.Call, themselves: bool) -> Iterator[Edit]:
    """`as_completed(futures)`, of which asyncio's gives no tasks to be looked at before Python 3.13."""
    if not themselves:
        yield view.edit(RULE, "Call", call, partial(renamed, function="asyncio.as_completed"))
        return
    name = helper(view, "_as_completed", COMPLETED)
    yield view.edit(RULE, "Call", call, partial(renamed, function=name))
    parent = view.graph.parents[call]
    if isinstance(parent, ast.For):
        yield view.edit(RULE, "For", parent, make_async)
    else:
        yield view.edit(RULE, "CompFor", call, make_async)


def helper(view: View, wanted: str, source: str) -> str:
    """The name of a function with that source: one that is there, or a new one."""
    name = next(n for n in (wanted, f"{wanted}_", f"{wanted}__") if n not in view.module.top.bound)
    for fn in view.module.functions:
        if fn.parent is view.module.top and ast.unparse(fn.node) == source.format(name=fn.name).rstrip():
            return fn.name
    view.plan.helpers[name] = source.format(name=name)
    return name


def stragglers(executor: Executor) -> str:
    """What the block waits for at its end: who waits for a time only may have left some behind."""
    if not executor.timed or leaves(executor.node.body):
        return ""
    written = {"one": "{}", "list": "*{}", "key": "*{}", "value": "*{}.values()"}
    parts = [written[held].format(name) for name, held in executor.kept.items()]
    return f"await asyncio.gather({', '.join(parts)}, return_exceptions=True)"


def opened(node: cst.With, limited: bool, rest: str) -> cst.FlattenSentinel[cst.BaseStatement]:
    """What stands in the block; before it, a semaphore where there is a limit; after it, `rest`."""
    made, body, pool = node.items[0].item, node.body, node.items[0].asname
    assert isinstance(body, cst.IndentedBlock)
    assert isinstance(made, cst.Call)
    assert pool is not None
    statements: list[Any] = [*body.body]
    if limited:
        given = next(
            arg.value for arg in made.args if arg.keyword is None or arg.keyword.value == "max_workers"
        )
        semaphore = cst.Call(syntax_name("asyncio.Semaphore"), [cst.Arg(given)])
        assign = cst.Assign([cst.AssignTarget(cst.ensure_type(pool.name, cst.Name))], semaphore)
        statements.insert(0, cst.SimpleStatementLine([assign]))
    if rest:
        statements.append(cst.parse_statement(rest))
    lines = [*node.leading_lines, *statements[0].leading_lines]
    if body.header.comment is not None:
        lines.append(cst.EmptyLine(comment=body.header.comment))
    statements[0] = statements[0].with_changes(leading_lines=lines)
    return cst.FlattenSentinel(statements)


def task(node: cst.Call, starter: str) -> cst.Call:
    """`pool.submit(f, a)` as `asyncio.create_task(f(a))`."""
    inner = node.with_changes(func=node.args[0].value, args=node.args[1:], lpar=[], rpar=[])
    return node.with_changes(func=syntax_name(starter), args=[cst.Arg(inner)])


def limited_task(node: cst.Call, helper: str) -> cst.Call:
    """`pool.submit(f, a)` as `asyncio.create_task(_limited(pool, f, a))`."""
    return node.with_changes(func=syntax_name("asyncio.create_task"), args=[cst.Arg(limited(node, helper))])


def limited(node: cst.Call, helper: str) -> cst.Call:
    assert isinstance(node.func, cst.Attribute)
    pool = cst.Arg(node.func.value, comma=comma())
    return node.with_changes(func=cst.Name(helper), args=[pool, *node.args], lpar=[], rpar=[])


def result(node: cst.Call) -> cst.Await:
    """`future.result()` as `await future`."""
    assert isinstance(node.func, cst.Attribute)
    return cst.Await(node.func.value, lpar=list(node.lpar), rpar=list(node.rpar))


def timed_result(node: cst.Call) -> cst.Await:
    """`future.result(timeout=3)` as `await asyncio.wait_for(asyncio.shield(future), 3)`: it goes on."""
    assert isinstance(node.func, cst.Attribute)
    shielded = wrap_call("asyncio.shield", node.func.value)
    args = spaced([cst.Arg(shielded), cst.Arg(node.args[0].value)])
    return await_(cst.Call(syntax_name("asyncio.wait_for"), args, lpar=list(node.lpar), rpar=list(node.rpar)))


def wait(node: cst.Call) -> cst.Await:
    """`wait(futures)`: like it, this raises nothing; `asyncio.wait` takes no empty list."""
    all_of = [cst.Arg(node.args[0].value, star="*", comma=comma()), returned()]
    return await_(node.with_changes(func=syntax_name("asyncio.gather"), args=all_of))


def returned() -> cst.Arg:
    return keyword("return_exceptions", cst.Name("True"))


def gather(node: cst.Call, ignored: bool, helper: str) -> cst.Await:
    """`pool.map(f, items)` as `await asyncio.gather(*map(f, items))`."""
    calls = node.with_changes(func=cst.Name("map"), lpar=[], rpar=[])
    if helper:
        function = limited(
            node.with_changes(args=[node.args[0].with_changes(comma=cst.MaybeSentinel.DEFAULT)]), helper
        )
        bound = cst.Call(
            syntax_name("functools.partial"), [cst.Arg(cst.Name(helper), comma=comma()), *function.args]
        )
        calls = calls.with_changes(args=[node.args[0].with_changes(value=bound), *node.args[1:]])
    args = [cst.Arg(calls, star="*")]
    if ignored:
        args = [args[0].with_changes(comma=comma()), returned()]
    return await_(node.with_changes(func=syntax_name("asyncio.gather"), args=args))


def only(node: cst.Call) -> cst.BaseExpression:
    """`list(await ...)`, which is one."""
    return node.args[0].value.with_changes(lpar=list(node.lpar), rpar=list(node.rpar))
