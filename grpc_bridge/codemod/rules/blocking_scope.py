"""What is called on a loop's thread and not awaited makes its RPCs in their sync form."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..external import BLOCKING
from ..index import Function
from ..later import cst
from ..sites import CallSite, HandSite, IterateSite
from ..values import Ext
from .base import Edit, Rule, View
from .syntax import name

RULE = Rule(
    id="GB507",
    slug="blocking-scope",
    sentence="What is called on a loop's thread and not awaited makes its RPCs in their sync form.",
    before="""\
class Session:
    stub: GreeterStub

    def __del__(self):
        self.stub.Close(self.id)


signal.signal(signal.SIGHUP, lambda number, frame: stub.Reload(Empty()))
""",
    after="""\
class Session:
    stub: GreeterStub

    @grpc.blocking()
    def __del__(self):
        self.stub.Close(self.id)


signal.signal(signal.SIGHUP, grpc.blocking()(lambda number, frame: stub.Reload(Empty())))
""",
    remedy="It holds up the loop for the time of the call, and warns of it: make the call in a coroutine.",
)

ON_THE_LOOP = frozenset({"signal", "finalizer", "loop"})
"""Those who call what they are handed on whatever thread there is, or on that of a loop."""


def match(view: View) -> Iterator[Edit]:
    fn = view.fn
    if not isinstance(fn.node, (ast.FunctionDef, ast.Lambda)) or not view.colours.stays_sync(fn):
        return
    on_loop = fn.name == "__del__" or any(map(partial(calls_on_loop, view), view.graph.handed.get(fn, ())))
    if not on_loop or asks_already(view, fn) or not waits_for_rpc(view, fn):
        return
    if any(map(view.colours.is_async, view.graph.sites)):
        function = f"{view.bridge_name()}.blocking"
        yield view.edit(RULE, type(fn.node).__name__, fn.node, partial(in_sync_form, function))


def calls_on_loop(view: View, site: HandSite) -> bool:
    """True where what is handed over is called on whatever thread there is, and in its own form."""
    return site.sink is not None and site.sink.kind in ON_THE_LOOP and not is_wrapper(view, site.node)


def is_wrapper(view: View, node: ast.AST | None) -> bool:
    """True for `grpc.blocking()(function)`."""
    return isinstance(node, ast.Call) and Ext(BLOCKING) in view.facts.of(node.func)


def asks_already(view: View, fn: Function) -> bool:
    """True for a function that is under `grpc.blocking()` as it stands."""
    decorated = any(Ext(BLOCKING) in view.facts.of(decorator) for decorator in fn.decorators)
    return decorated or is_wrapper(view, view.graph.parents.get(fn.node))


def waits_for_rpc(view: View, fn: Function) -> bool:
    """True where an RPC is made in the function, or in what it calls, and is not under `grpc.blocking()`."""
    seen = {fn}
    pending = [fn]
    while pending:
        for site in view.graph.of(pending.pop()):
            if site in view.graph.sync_form:
                continue
            if makes_rpc(site):
                return True
            callees: set[Function] = getattr(site, "callees", set())
            pending += callees - seen
            seen |= callees
    return False


def makes_rpc(site: object) -> bool:
    """True where an RPC is waited for; to close a channel or to stop a server has begun when it returns."""
    if isinstance(site, CallSite):
        return site.unknown or (site.intrinsic and not site.kinds <= {"Channel", "Server", "StopEvent"})
    return isinstance(site, IterateSite) and site.stream


def in_sync_form(function: str, node: cst.FunctionDef | cst.Lambda) -> cst.FunctionDef | cst.Call:
    """The decorator stands next to the function, below those that make something else of it."""
    call = cst.Call(name(function))
    if isinstance(node, cst.FunctionDef):
        return node.with_changes(decorators=[*node.decorators, cst.Decorator(call)])
    bare = node.with_changes(lpar=[], rpar=[])
    return cst.Call(call, [cst.Arg(bare)], lpar=list(node.lpar), rpar=list(node.rpar))
