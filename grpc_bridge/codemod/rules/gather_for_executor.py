"""An executor that only waits becomes tasks, where coroutines wait for all that they give it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial
from typing import Any

from ..executors import Executor, Pool
from ..later import cst
from ..values import Ext
from .base import Edit, Rule, View
from .syntax import await_, comma, keyword, make_async, renamed, spaced, wrap_call
from .syntax import name as syntax_name

RULE = Rule(
    id="GB406",
    slug="gather-for-executor",
    sentence="An executor becomes tasks, where coroutines wait for all that they give it.",
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
    remedy="Keep each future in a variable or a list, and wait for all where they are made; or write tasks.",
)


COMPLETED = """\
async def {name}(tasks):
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            yield task
"""
TIMED = """\
async def {name}(tasks, timeout):
    loop = asyncio.get_running_loop()
    end = None if timeout is None else loop.time() + timeout
    pending = set(tasks)
    while pending:
        left = None if end is None else max(end - loop.time(), 0)
        done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise asyncio.TimeoutError(f"{{len(pending)}} (of {{len(tasks)}}) tasks are not done")
        for task in done:
            yield task
"""
WAIT = """\
async def {name}(tasks, **options):
    # asyncio.wait takes no empty set.
    return await asyncio.wait(tasks, **options) if tasks else (set(), set())
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
        elif executor in executors.relevant and executor.pool is None:
            view.report(RULE, executor.node, f"the executor stays: {executor.trouble}")
    for pool in executors.pools:
        if executors.taken.issuperset(pool.users) and pool.users:
            yield from unpooled(view, pool)
        elif pool.fn is view.fn and not executors.relevant.isdisjoint(pool.users):
            view.report(RULE, pool.made, f"the executor stays: {pool.trouble}")


def unpooled(view: View, pool: Pool) -> Iterator[Edit]:
    """What is left of `self.pool = ThreadPoolExecutor(8)` and of its end."""
    for fn, statement in pool.removed():
        if fn is view.fn:
            if statement is pool.node:
                view.release(pool.made)
            yield view.edit(RULE, "SimpleStatementLine", statement, lambda _: cst.RemoveFromParent())
    if pool.fn is view.fn and pool.limit is not None:
        view.plan.imports.add("asyncio")
        view.release(pool.made)
        yield view.edit(RULE, "Call", pool.made, semaphore)


def tasks(view: View, executor: Executor) -> Iterator[Edit]:
    view.plan.imports.add("asyncio")
    view.plan.claimed.update(executor.places(view.graph.parents))
    functions = [executor.fn, *executor.targets]
    limited = helper(view, "_limited", LIMITED) if executor.limit is not None else ""
    if isinstance(executor.node, ast.With):
        made = executor.node.items[0].context_expr
        view.release(made)
        change_block = partial(opened, limited=bool(limited), rest=stragglers(executor))
        yield view.edit(RULE, "With", executor.node, change_block, functions=functions)
    for call, rpc in executor.submits.items():
        starter = "" if call in executor.direct else "asyncio.ensure_future" if rpc else "asyncio.create_task"
        change = partial(task, starter=starter)
        if limited:
            change = partial(limited_task, helper=limited, starter=starter and "asyncio.create_task")
        yield view.edit(RULE, "Call", call, change, functions=functions)
    for call in executor.results:
        yield view.edit(RULE, "Call", call, result)
    for call in executor.timed:
        yield view.edit(RULE, "Call", call, timed_result)
    for caught in executor.late:
        view.release(caught)
        yield view.edit(RULE, type(caught).__name__, caught, lambda _: syntax_name("asyncio.TimeoutError"))
    for call in executor.completed:
        view.release(call.func)
        yield from as_they_come(view, executor, call)
    for call in executor.waits:
        view.release(call.func)
        yield from waited(view, executor, call)
    for call, ignored in executor.maps.items():
        if limited:
            view.plan.imports.add("functools")
        yield view.edit(RULE, "Call", call, partial(gather, ignored=ignored, helper=limited))
        parent = view.graph.parents[call]
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "list":
            yield view.edit(RULE, "Call", parent, only)


def waited(view: View, executor: Executor, call: ast.Call) -> Iterator[Edit]:
    """`wait(futures)`, with asyncio's `wait` where more is asked of it than to wait for all."""
    some = executor.chosen.get(call)
    if some is None:
        yield view.edit(RULE, "Call", call, wait)
        return
    function = "asyncio.wait" if some else helper(view, "_wait", WAIT)
    yield view.edit(RULE, "Call", call, partial(wait_for_some, function=function))
    parent = view.graph.parents[call]
    if parent in executor.picked:
        yield view.edit(RULE, "Attribute", parent, picked)
    for arg in (*call.args[1:], *(k.value for k in call.keywords)):
        for value in view.facts.of(arg):
            if isinstance(value, Ext) and value.path.startswith("concurrent.futures."):
                constant = f"asyncio.{value.path.rpartition('.')[2]}"
                view.release(arg)
                yield view.edit(RULE, type(arg).__name__, arg, partial(constant_of, name=constant))


def as_they_come(view: View, executor: Executor, call: ast.Call) -> Iterator[Edit]:
    """`as_completed(futures)`, of which asyncio's gives no tasks to be looked at before Python 3.13.

    It is late only in the loop's body.
    """
    if call not in executor.themselves:
        yield view.edit(RULE, "Call", call, partial(renamed, function="asyncio.as_completed"))
        return
    hurried = call in executor.hurried
    name = helper(view, "_as_completed_in" if hurried else "_as_completed", TIMED if hurried else COMPLETED)
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


def leaves(body: list[ast.stmt]) -> bool:
    """True where what follows these statements is never reached."""
    last = body[-1]
    if isinstance(last, ast.Try):
        parts = [last.orelse or last.body, *(handler.body for handler in last.handlers)]
        return all(map(leaves, parts)) or bool(last.finalbody and leaves(last.finalbody))
    if isinstance(last, ast.If):
        return bool(last.orelse) and leaves(last.body) and leaves(last.orelse)
    return isinstance(last, (ast.Return, ast.Raise)) or (isinstance(last, ast.With) and leaves(last.body))


def stragglers(executor: Executor) -> str:
    """What the block waits for at its end: who waits for a time only may have left some behind."""
    assert isinstance(executor.node, ast.With)
    if not (executor.partial or executor.timed):
        return ""
    body = executor.node.body
    waiting = executor.timed | executor.hurried
    if leaves(body) and not (isinstance(body[-1], ast.Return) and waiting.isdisjoint(ast.walk(body[-1]))):
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
        assign = cst.Assign([cst.AssignTarget(cst.ensure_type(pool.name, cst.Name))], semaphore(made))
        statements.insert(0, cst.SimpleStatementLine([assign]))
    if rest:
        last = statements[-1]
        returns = isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Return)
        statements.insert(len(statements) - returns, cst.parse_statement(rest))
    lines = [*node.leading_lines, *statements[0].leading_lines]
    if body.header.comment is not None:
        lines.append(cst.EmptyLine(comment=body.header.comment))
    statements[0] = statements[0].with_changes(leading_lines=lines)
    return cst.FlattenSentinel(statements)


def task(node: cst.Call, starter: str) -> cst.Call:
    """`pool.submit(f, a)` as `asyncio.create_task(f(a))`; as `f(a)`, where it is awaited there."""
    inner = node.with_changes(func=node.args[0].value, args=node.args[1:], lpar=[], rpar=[])
    return started(node, inner, starter)


def limited_task(node: cst.Call, helper: str, starter: str) -> cst.Call:
    """`pool.submit(f, a)` as `asyncio.create_task(_limited(pool, f, a))`."""
    return started(node, limited(node, helper), starter)


def started(node: cst.Call, inner: cst.Call, starter: str) -> cst.Call:
    if not starter:
        return inner
    return node.with_changes(func=syntax_name(starter), args=[cst.Arg(inner)])


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


def wait_for_some(node: cst.Call, function: str) -> cst.Await:
    """`wait(futures, 3)` as `await asyncio.wait(futures, timeout=3)`."""
    names = ("", "timeout", "return_when")
    args = [
        arg if arg.keyword is not None or not name else keyword(name, arg.value).with_changes(comma=arg.comma)
        for name, arg in zip((*names, *names), node.args, strict=False)
    ]
    return await_(node.with_changes(func=syntax_name(function), args=args))


def picked(node: cst.Attribute) -> cst.Subscript:
    """`wait(futures).done` as `(await asyncio.wait(futures))[0]`."""
    inner = node.value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    place = cst.SubscriptElement(cst.Index(cst.Integer("0" if node.attr.value == "done" else "1")))
    return cst.Subscript(inner, [place], lpar=list(node.lpar), rpar=list(node.rpar))


def constant_of(_: cst.BaseExpression, name: str) -> cst.BaseExpression:
    return syntax_name(name)


def semaphore(node: cst.Call) -> cst.Call:
    """`ThreadPoolExecutor(8)` as `asyncio.Semaphore(8)`."""
    return node.with_changes(func=syntax_name("asyncio.Semaphore"), args=[cst.Arg(most(node))])


def most(node: cst.Call) -> cst.BaseExpression:
    return next(arg.value for arg in node.args if arg.keyword is None or arg.keyword.value == "max_workers")


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
