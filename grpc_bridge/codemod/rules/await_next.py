"""`next()` on a stream becomes `await anext()`, and its end `StopAsyncIteration`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from ..adapters import use_of
from ..index import Function
from ..iterations import STREAMS
from ..later import cst
from ..sites import CallSite, IterateSite, Site
from ..values import Obj
from .async_for import drives, waits
from .base import Edit, Rule, View
from .syntax import await_

RULE = Rule(
    id="GB206",
    slug="await-next",
    sentence="`next()` on a stream becomes `await anext()`, and its end `StopAsyncIteration`.",
    before="""\
try:
    reply = next(replies)
except StopIteration:
    reply = None
""",
    after="""\
try:
    reply = await anext(replies)
except StopAsyncIteration:
    reply = None
""",
)

FORMS = frozenset({"next", "method next"})


def match(view: View) -> Iterator[Edit]:
    for site in view.sites(CallSite):
        if passes_end(view, site):
            yield from stop_iteration(view, site.node)
    if view.is_async or (view.fn in view.colours.feeding and view.fn not in view.colours.sync):
        for site in view.sites(IterateSite):
            if site.form == "iter" and (drives(view, site) or reads_stream(view, site)):
                yield view.edit(RULE, "Call", site.node, call_aiter)
    if not view.is_async:
        return
    for call in searches(view):
        yield view.edit(RULE, "Call", call, call_anext)
        yield from stop_iteration(view, call)
    for site in view.sites(IterateSite):
        if site.form in FORMS and drives(view, site):
            rewrite = call_anext if site.form == "next" else method_anext
            yield view.edit(RULE, "Call", site.node, rewrite)
            yield from stop_iteration(view, site.node)


def reads_stream(view: View, site: IterateSite) -> bool:
    values = view.facts.of(site.iterable) if site.iterable is not None else ()
    return any(isinstance(value, Obj) and value.kind in STREAMS for value in values)


def searches(view: View) -> Iterator[ast.Call]:
    """`next(r for r in stream if ...)`, where the generator expression waits."""
    found = {site.generator for site in view.sites(Site) if site.generator is not None and waits(view, site)}
    for generator in sorted(found, key=lambda node: (node.lineno, node.col_offset)):
        parent = view.graph.parents[generator]
        if use_of(generator, view.facts, view.graph.parents) == "next" and isinstance(parent, ast.Call):
            yield parent


def stop_iteration(view: View, call: ast.AST) -> Iterator[Edit]:
    """The `except StopIteration` of the `try` statements around the call, inside this function."""
    for handler in handlers_around(view, call):
        plain = other_ends(view, handler)
        for caught in types_of(handler):
            if is_stop(caught) and caught not in view.plan.claimed:
                view.plan.claimed.add(caught)
                rewrite = add_stop if plain and caught is handler.type else rename_stop
                yield view.edit(RULE, "Name", caught, rewrite)


def handlers_around(view: View, call: ast.AST) -> Iterator[ast.ExceptHandler]:
    """What may catch an exception of `call`, inside this function."""
    node: ast.AST | None = call
    while node is not None and node is not view.fn.node:
        parent = view.graph.parents.get(node)
        if isinstance(parent, ast.Try) and node in parent.body:
            yield from parent.handlers
        node = parent


def types_of(handler: ast.ExceptHandler) -> list[ast.expr]:
    if handler.type is None:
        return []
    return handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]


def is_stop(caught: ast.expr) -> bool:
    return isinstance(caught, ast.Name) and caught.id == "StopIteration"


def other_ends(view: View, handler: ast.ExceptHandler) -> bool:
    """True where the same `try` reads an iterator that stays sync, too."""
    statement = view.graph.parents[handler]
    assert isinstance(statement, ast.Try)
    waiting = {site.node for site in view.sites(IterateSite) if drives(view, site)}
    return any(
        isinstance(node, ast.Call)
        and node not in waiting
        and len(node.args) == 1
        and isinstance(node.func, ast.Name)
        and node.func.id == "next"
        for part in statement.body
        for node in ast.walk(part)
    )


def lets_end_through(view: View, seen: frozenset[Function] = frozenset()) -> bool:
    """True for a coroutine out of which the end of a stream may come as StopAsyncIteration."""
    if view.fn in seen or not view.is_async or view.fn.is_generator:
        return False
    ends = [
        s.node for s in view.sites(IterateSite) if s.form in FORMS and drives(view, s) and no_default(s.node)
    ]
    ends += [s.node for s in view.sites(CallSite) if passes_end(view, s, seen | {view.fn})]
    return any(not catches_stop(view, node) for node in ends)


def passes_end(view: View, site: CallSite, seen: frozenset[Function] = frozenset()) -> bool:
    return view.spelling(site) in ("await", "run", "asyncio.run") and any(
        lets_end_through(replace(view, fn=callee), seen) for callee in site.callees
    )


def no_default(call: ast.AST) -> bool:
    return isinstance(call, ast.Call) and len(call.args) < 2


def catches_stop(view: View, call: ast.AST) -> bool:
    """True where the function keeps the end of the stream to itself."""
    return any(
        handler.type is None
        or any(
            isinstance(caught, ast.Name) and caught.id in ("StopIteration", "Exception", "BaseException")
            for caught in types_of(handler)
        )
        for handler in handlers_around(view, call)
    )


def rename_stop(node: cst.Name) -> cst.Name:
    return node.with_changes(value="StopAsyncIteration")


def add_stop(node: cst.Name) -> cst.Tuple:
    return cst.Tuple([cst.Element(node), cst.Element(cst.Name("StopAsyncIteration"))])


def call_anext(node: cst.Call) -> cst.Await:
    return await_(node.with_changes(func=cst.Name("anext")))


def call_aiter(node: cst.Call) -> cst.Call:
    return node.with_changes(func=cst.Name("aiter"))


def method_anext(node: cst.Call) -> cst.Await:
    assert isinstance(node.func, cst.Attribute)
    stream = cst.Arg(node.func.value)
    return await_(node.with_changes(func=cst.Name("anext"), args=[stream]))
