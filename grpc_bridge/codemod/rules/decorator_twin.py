"""A decorator of the program's own that wraps functions of both colours serves both."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial
from typing import Any

from .. import decorators
from ..later import cst
from ..prune import LINE, start
from ..sites import WaitSite
from .base import Edit, Rule, View

RULE = Rule(
    id="GB214",
    slug="decorator-twin",
    sentence="A decorator that wraps functions of both colours gets a twin of its wrapper that awaits.",
    before="""\
def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        log.info("%s is called", function.__name__)
        return function(*args)

    return wrapper


@logged
def fetch(stub):
    return stub.Get(request)


@logged
def add(left, right):
    return left + right
""",
    after="""\
def logged(function):
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def async_wrapper(*args):
            log.info("%s is called", function.__name__)
            return await function(*args)

        return async_wrapper

    @functools.wraps(function)
    def wrapper(*args):
        log.info("%s is called", function.__name__)
        return function(*args)

    return wrapper


@logged
async def fetch(stub):
    return await stub.Get(request)


@logged
def add(left, right):
    return left + right
""",
)


def match(view: View) -> Iterator[Edit]:
    fn, node = view.fn, view.fn.node
    if fn not in view.facts.split or not isinstance(node, ast.FunctionDef):
        return
    known = view.facts.wrappers[fn]
    functions = list(decorators.coroutines(fn, view.facts, view.colours))
    if known.twin is not None or known.last is None or not functions:
        return
    sleeps = {ast.unparse(site.node.func) for site in view.sites(WaitSite) if isinstance(site.node, ast.Call)}
    ends = {ast.unparse(call.func) for call in decorators.context_calls(fn, view.facts)}
    view.plan.imports |= {"inspect", "asyncio"} if sleeps else {"inspect"}
    change = partial(
        doubled,
        wrapper=text(view, node),
        last=text(view, known.last),
        wrapped=known.name,
        twin=free_name(view),
        sleeps=sorted(sleeps),
        awaited=sorted({known.name, *ends}),
    )
    yield view.edit(RULE, "FunctionDef", node, change, functions=functions)


def text(view: View, node: ast.stmt) -> str:
    """The lines of a statement and its decorators."""
    lines = LINE.findall(view.module.source.text)
    return "".join(lines[start(node) - 1 : node.end_lineno])


def free_name(view: View) -> str:
    """What the twin is called; its wrapper's own name would be taken for a mistake by type checkers."""
    scope = view.fn.parent
    taken = {*view.fn.bound, *view.module.top.bound, *(scope.bound if scope is not None else ())}
    own = view.fn.name
    return next(n for n in (f"async_{own}", f"_async_{own}", f"{own}_coroutine") if n not in taken)


def doubled(node: cst.FunctionDef, **parts: Any) -> cst.FlattenSentinel[cst.BaseStatement]:
    """The wrapper with its twin before it; its blocks may hold stand-ins, so its text is among the parts."""
    from ..twin import doubled

    return doubled(node, **parts)
