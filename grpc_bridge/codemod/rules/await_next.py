"""`next()` on a stream becomes `await anext()`, and its end `StopAsyncIteration`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst

from ..adapters import use_of
from ..callgraph import IterateSite, Site
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
    if not view.is_async:
        return
    for call in searches(view):
        yield view.edit(RULE, "Call", call, call_anext)
        yield from stop_iteration(view, call)
    for site in view.sites(IterateSite):
        if site.form == "iter" and drives(view, site):
            yield view.edit(RULE, "Call", site.node, call_aiter)
        if site.form in FORMS and drives(view, site):
            rewrite = call_anext if site.form == "next" else method_anext
            yield view.edit(RULE, "Call", site.node, rewrite)
            yield from stop_iteration(view, site.node)


def searches(view: View) -> Iterator[ast.Call]:
    """`next(r for r in stream if ...)`, where the generator expression waits."""
    found = {site.generator for site in view.sites(Site) if site.generator is not None and waits(view, site)}
    for generator in sorted(found, key=lambda node: (node.lineno, node.col_offset)):
        parent = view.graph.parents[generator]
        if use_of(generator, view.facts, view.graph.parents) == "next" and isinstance(parent, ast.Call):
            yield parent


def stop_iteration(view: View, call: ast.AST) -> Iterator[Edit]:
    """The `except StopIteration` of the `try` statements around the call, inside this function."""
    node: ast.AST | None = call
    while node is not None and node is not view.fn.node:
        parent = view.graph.parents.get(node)
        if isinstance(parent, ast.Try) and node in parent.body:
            for handler in parent.handlers:
                types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
                for caught in types:
                    fresh = caught is not None and caught not in view.plan.claimed
                    if fresh and isinstance(caught, ast.Name) and caught.id == "StopIteration":
                        view.plan.claimed.add(caught)
                        yield view.edit(RULE, "Name", caught, rename_stop)
        node = parent


def rename_stop(node: cst.Name) -> cst.Name:
    return node.with_changes(value="StopAsyncIteration")


def call_anext(node: cst.Call) -> cst.Await:
    return await_(node.with_changes(func=cst.Name("anext")))


def call_aiter(node: cst.Call) -> cst.Call:
    return node.with_changes(func=cst.Name("aiter"))


def method_anext(node: cst.Call) -> cst.Await:
    assert isinstance(node.func, cst.Attribute)
    stream = cst.Arg(node.func.value)
    return await_(node.with_changes(func=cst.Name("anext"), args=[stream]))
