"""A queue between coroutines becomes one of asyncio's: `put` and `get` are awaited."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..counterparts import EMPTY, FULL, raises
from ..external import argument, tries
from ..later import cst
from ..nodes import in_generator, is_none
from ..primitives import QUEUES, Use
from .base import Edit, Rule, View
from .primitive import declared, make, report_kept, uses
from .syntax import await_, make_async, renamed, spaced
from .syntax import name as syntax_name

RULE = Rule(
    id="GB403",
    slug="async-queue",
    sentence="A queue between coroutines becomes one of asyncio's: `put` and `get` are awaited.",
    before="""\
requests = queue.Queue()
replies = stub.Chat(iter(requests.get, None))
requests.put(first)
try:
    job = jobs.get(timeout=5)
except queue.Empty:
    job = None
""",
    after="""\
requests = asyncio.Queue()
replies = stub.Chat(asyncstdlib.iter(requests.get, None))
await requests.put(first)
try:
    job = await asyncio.wait_for(jobs.get(), 5)
except asyncio.TimeoutError:
    job = None
""",
    remedy="Make those who use it too coroutines; or leave it, and it is waited for in a thread.",
)

ENDS = {EMPTY: "asyncio.QueueEmpty", FULL: "asyncio.QueueFull"}
TIMED_OUT = "asyncio.TimeoutError"


def match(view: View) -> Iterator[Edit]:
    report_kept(view, RULE, QUEUES)
    yield from make(view, RULE, QUEUES)
    yield from declared(view, RULE, QUEUES)
    for _, use in uses(view, QUEUES):
        if use.form == "iter":
            yield from read(view, use)
        elif use.form == "call" and isinstance(use.place, ast.Call):
            yield from call(view, use, use.place)
    yield from handlers(view)


def read(view: View, use: Use) -> Iterator[Edit]:
    """`iter(queue.get, None)`, as the requests of a call or in a loop."""
    view.plan.imports.add("asyncstdlib")
    yield view.edit(RULE, "Call", use.place, partial(renamed, function="asyncstdlib.iter"))
    parent = view.graph.parents[use.place]
    if isinstance(parent, ast.For):
        yield view.edit(RULE, "For", parent, make_async)
    elif isinstance(parent, ast.comprehension):
        yield view.edit(RULE, "CompFor", use.place, make_async)


def call(view: View, use: Use, node: ast.Call) -> Iterator[Edit]:
    if use.method not in ("get", "put", "join"):
        return
    view.plan.claimed.add(node)
    if use.method == "join":
        yield view.edit(RULE, "Call", node, await_)
        return
    limit = argument(node, "timeout", 2 if use.method == "put" else 1)
    if limit is not None and is_none(limit):
        limit = None
    if tries(use.method, node) or not view.is_async or in_generator(node, view.graph.parents):
        yield view.edit(RULE, "Call", node, partial(at_once, method=use.method))
    elif limit is None:
        yield view.edit(RULE, "Call", node, partial(waiting, method=use.method))
    else:
        view.plan.imports.add("asyncio")
        yield view.edit(RULE, "Call", node, partial(limited, method=use.method))


def handlers(view: View) -> Iterator[Edit]:
    """`except queue.Empty` around what does not raise that any more."""
    counterparts = view.colours.counterparts
    wanted: dict[ast.expr, set[str]] = {}
    for primitive in counterparts.primitives:
        taken = primitive in counterparts.taken
        for use in primitive.uses if primitive.kind in QUEUES else ():
            for fn, caught in counterparts.exceptions.caught(use):
                if fn is view.fn:
                    end = ending(use) if taken else raises(use)
                    wanted.setdefault(caught, set()).add(end)
    for caught, names in wanted.items():
        if names <= {EMPTY, FULL}:
            continue
        view.plan.imports.add("asyncio")
        view.release(caught)
        kept = names & {EMPTY, FULL}
        fresh = tuple(sorted(names - kept))
        yield view.edit(RULE, type(caught).__name__, caught, partial(catch, names=fresh, besides=bool(kept)))


def ending(use: Use) -> str:
    """What asyncio raises where a queue raised its own exception."""
    assert isinstance(use.place, ast.Call)
    at_once = use.method.endswith("nowait") or tries(use.method, use.place)
    return ENDS[raises(use)] if at_once else TIMED_OUT


def catch(node: cst.BaseExpression, names: tuple[str, ...], besides: bool) -> cst.BaseExpression:
    caught = [*([node] if besides else []), *(syntax_name(name) for name in names)]
    return caught[0] if len(caught) == 1 else cst.Tuple([cst.Element(part) for part in caught])


def item(node: cst.Call, method: str) -> list[cst.Arg]:
    """What is put into the queue, of the arguments of a call."""
    if method == "get":
        return []
    first = next(
        (arg for arg in node.args if arg.keyword is None or arg.keyword.value == "item"), node.args[0]
    )
    return [first.with_changes(comma=cst.MaybeSentinel.DEFAULT)]


def bare(node: cst.Call, method: str, name: str) -> cst.Call:
    assert isinstance(node.func, cst.Attribute)
    if method == "get" and not node.args:
        args: list[cst.Arg] = []
    elif method == "put" and len(node.args) == 1:
        args = list(node.args)
    else:
        args = item(node, method)
    func = node.func.with_changes(attr=cst.Name(name))
    return node.with_changes(func=func, args=args)


def at_once(node: cst.Call, method: str) -> cst.Call:
    return bare(node, method, f"{method}_nowait")


def waiting(node: cst.Call, method: str) -> cst.Await:
    return await_(bare(node, method, method))


def limited(node: cst.Call, method: str) -> cst.Await:
    """`queue.get(timeout=5)` as `await asyncio.wait_for(queue.get(), 5)`."""
    named = [arg for arg in node.args if arg.keyword is not None and arg.keyword.value == "timeout"]
    limit = named[0] if named else node.args[-1]
    inner = bare(node, method, method).with_changes(
        lpar=[], rpar=[], whitespace_before_args=cst.SimpleWhitespace("")
    )
    args = spaced([cst.Arg(inner), cst.Arg(limit.value)])
    return await_(cst.Call(syntax_name("asyncio.wait_for"), args, lpar=list(node.lpar), rpar=list(node.rpar)))
