"""Wrappers that decorators of the program put around functions of both colours.

A wrapper that passes through what it wraps, and waits for nothing else, can be looked through: who calls a
decorated function calls the function itself, which has a colour of its own. At run time the decorator asks
for that colour, with `inspect.iscoroutinefunction`, and a twin of the wrapper that awaits stands beside the
plain one, written by rule GB214 or by a person.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import _surface
from .index import Function, dotted, own_nodes
from .nodes import parents, walk
from .sites import Graph, LockSite, Site, WaitSite
from .values import Func, MemberOf, Value

if TYPE_CHECKING:
    from .infer import Facts
    from .waiting import Colours

ASKS_COLOUR = frozenset({"inspect.iscoroutinefunction", "asyncio.iscoroutinefunction", "iscoroutinefunction"})
FIXED = frozenset({"", "GB102", "GB710", "GB711"})
"""The rules of cuts that say that a person, or the file, wants a function left alone."""


@dataclass(frozen=True)
class Wrapper:
    """A function inside a decorator that calls what the decorator is given."""

    fn: Function
    name: str
    """The decorator's parameter that holds what is wrapped."""
    calls: frozenset[ast.Call]
    """Where the wrapper calls that."""
    last: ast.Return | None
    """The statement behind it, which returns it; None where more than that is done with it."""
    passes: bool
    """It returns what such a call returns."""
    twin: ast.AsyncFunctionDef | None
    """What is returned in its place for coroutine functions, where the decorator asks for that already."""


def wrapper(fn: Function) -> Wrapper | None:
    """A function seen as a wrapper, if that is what it looks like."""
    decorator = fn.parent
    if (
        fn.kind != "def"
        or fn.cls is not None
        or decorator is None
        or not isinstance(fn.node, ast.FunctionDef)
    ):
        return None
    if fn.is_generator or not isinstance(decorator.node, ast.FunctionDef) or decorator.is_generator:
        return None
    called = {
        node.func.id
        for node in own_nodes(fn)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    given = {arg.arg for arg in (*decorator.params, *decorator.node.args.kwonlyargs)}
    names = (called & given) - fn.bound - fn.outer
    if len(names) != 1 or not all(dotted(d).rpartition(".")[2] == "wraps" for d in fn.decorators):
        return None
    name = names.pop()
    calls = _calls(fn.node, name)
    place = _place(fn.node, decorator.node, name)
    if calls is None or place is None or _rebinds(decorator.node, name):
        return None
    last, twin = place
    passes = any(isinstance(node, ast.Return) and node.value in calls for node in own_nodes(fn))
    return Wrapper(fn, name, calls, last, passes, twin)


def _calls(node: ast.FunctionDef, name: str) -> frozenset[ast.Call] | None:
    """Where a wrapper calls what it wraps; None where it does more with it than call it and look at it."""
    found: set[ast.Call] = set()
    above = parents(node)
    inside = {below for statement in node.body for below in walk(statement)}
    for use in inside:
        if not isinstance(use, ast.Name) or use.id != name:
            continue
        parent = above[use]
        if isinstance(parent, ast.Attribute):
            continue
        if not isinstance(parent, ast.Call) or parent.func is not use:
            return None
        around: ast.AST = parent
        while around is not node:
            around = above[around]
            if around is not node and isinstance(
                around, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.GeneratorExp)
            ):
                return None
        found.add(parent)
    return frozenset(found)


def _place(
    node: ast.FunctionDef, decorator: ast.FunctionDef, name: str
) -> tuple[ast.Return | None, ast.AsyncFunctionDef | None] | None:
    """What follows a wrapper in its decorator, and its asynchronous twin; None where it stands elsewhere."""
    for index, statement in enumerate(decorator.body):
        before = decorator.body[index - 1] if index else None
        if statement is node:
            rest = decorator.body[index + 1 :]
            last = rest[0] if len(rest) == 1 and isinstance(rest[0], ast.Return) else None
            uses = {n.id for n in walk(last) if isinstance(n, ast.Name)} if last is not None else set()
            twin = _twin(before, name)
            if twin is not None and before is not None and not isinstance(before.body[-1], ast.Return):  # type: ignore[attr-defined]
                return None
            return (last if node.name in uses else None), twin
        if isinstance(statement, ast.If) and node in statement.orelse:
            twin = _twin(statement, name)
            return None if twin is None else (None, twin)
    return None


def _twin(statement: ast.stmt | None, name: str) -> ast.AsyncFunctionDef | None:
    """The one coroutine function in `if inspect.iscoroutinefunction(name):`."""
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Call):
        return None
    test = statement.test
    asked = [arg.id for arg in test.args if isinstance(arg, ast.Name)]
    if dotted(test.func) not in ASKS_COLOUR or asked != [name]:
        return None
    found = [inner for inner in statement.body if isinstance(inner, ast.AsyncFunctionDef)]
    return found[0] if len(found) == 1 else None


def _rebinds(decorator: ast.FunctionDef, name: str) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load))
        or (isinstance(node, (ast.Nonlocal, ast.Global)) and name in node.names)
        for node in walk(decorator)
    )


# What the call graph and the colours say


def ready(facts: Facts) -> frozenset[Function]:
    """The wrappers that have a twin already."""
    return frozenset(fn for fn, found in facts.wrappers.items() if found.twin and _eligible(found, facts))


def wanted(graph: Graph, facts: Facts, colours: Colours) -> Iterator[Function]:
    """The wrappers that stay sync and need not, if each function that they wrap had its own colour."""
    for fn, found in facts.wrappers.items():
        if (
            fn not in facts.split
            and fn not in graph.bare
            and found.last is not None
            and colours.stays_sync(fn)
            and colours.sync[fn].rule not in FIXED
            and _eligible(found, facts)
            and all(_may_be_awaited_around(site) for site in graph.of(fn))
        ):
            yield fn


def failed(graph: Graph, facts: Facts, colours: Colours) -> Iterator[Function]:
    """Those of which it turns out that they cannot be looked through, or that nobody needs it."""
    for fn in facts.split:
        twin = facts.wrappers[fn].twin
        if fn in colours.waiting or fn in graph.bare or not (twin or any(coroutines(fn, facts, colours))):
            yield fn


def coroutines(fn: Function, facts: Facts, colours: Colours) -> Iterator[Function]:
    """The functions for which a wrapper has to be a coroutine."""
    for value in facts.around(fn):
        inner = facts.target(value)
        if colours.is_async(inner) and not inner.is_generator:
            yield inner


def passed_calls(facts: Facts) -> frozenset[ast.Call]:
    """The calls in wrappers and their twins that are none of their own."""
    found: set[ast.Call] = set()
    for fn in facts.split:
        known = facts.wrappers[fn]
        found |= known.calls
        found.update(context_calls(fn, facts))
        for node in walk(known.twin) if known.twin is not None else ():
            if isinstance(node, ast.Call) and dotted(node.func) == known.name:
                found.add(node)
    return frozenset(found)


def context_calls(fn: Function, facts: Facts) -> Iterator[ast.Call]:
    """Where a wrapper of handlers calls what a coroutine awaits of the context: its twin does, too."""
    for node in own_nodes(fn):
        if isinstance(node, ast.Call) and any(_awaited_in_handlers(value) for value in facts.of(node.func)):
            yield node


def _awaited_in_handlers(value: Value) -> bool:
    if not isinstance(value, MemberOf) or value.owner.kind != "ServicerContext":
        return False
    row = _surface.member(value.owner.kind, value.name)
    return row is not None and row.spelling == "await"


def _eligible(found: Wrapper, facts: Facts) -> bool:
    """True where all that a wrapper may call is what the decorator was put above."""
    known = facts.around(found.fn)
    values = {value for call in found.calls for value in facts.of(call.func)}
    return (
        found.fn.module.in_run
        and not found.fn.module.keeps_grpc
        and bool(values)
        and values <= known
        and all(isinstance(v, Func) and (found.twin or not v.fn.is_async) for v in values)
    )


def _may_be_awaited_around(site: Site) -> bool:
    """True for a place in a wrapper that a coroutine may keep as it is, or that becomes asyncio's."""
    if isinstance(site, WaitSite):
        return site.how == "sleep" and site.generator is None
    return not isinstance(site, LockSite)
