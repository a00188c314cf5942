"""The places where a function, or a method of one of gRPC's objects, is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .. import _surface
from . import external
from .handovers import Handovers
from .index import Class, Function
from .nodes import children, walk
from .sites import CallSite, IterateSite
from .texts import affixes
from .threads import is_quick
from .values import NOTHING, Cls, Ext, Func, Gen, Inst, Maker, MemberOf, Obj, Value, Values

CREATES = frozenset({"ResponseStream", "Future", "Call"})
"""Objects that belong to the context (thread or loop) in which they were made."""

BINDS = (ast.NamedExpr, ast.Lambda, ast.Yield, ast.YieldFrom, ast.Await)
"""What means something else outside the lambda in which it stands."""


class Calls(Handovers):
    """What each call may call, and how its value is used."""

    def call(self, node: ast.Call) -> None:
        if node in self.graph.passed:
            return
        callees = self.facts.of(node.func)
        site = CallSite(*self.place(node))  # type: ignore[arg-type]
        parent = self.graph.parents.get(node)
        taker = self.given_to(node)
        site.awaited = site.given = not taker.isdisjoint(external.TAKES_AWAITABLES)
        site.awaited |= isinstance(parent, ast.Await)
        site.discarded = isinstance(parent, ast.Expr)
        if site.awaited and taker.isdisjoint(external.WANTS_TASKS):
            site.threaded = external.threaded(_paths(callees), node)
        if isinstance(site.threaded, ast.Lambda):
            callees = self.called_by(site.threaded)
        elif site.threaded is not None:
            callees = self.facts.of(site.threaded)
        site.expected = self.expected(node)
        if site.expected is not None:
            callees = self.facts.of(site.expected)
        for callee in callees:
            self.classify(site, callee, node)
            if isinstance(callee, Obj) or (
                isinstance(callee, MemberOf) and callee.name in ("future", "with_call")
            ):
                self.send(node)
        if site.threaded is not None:
            # What asyncio awaits is the thread; what runs there may do with a thread or without.
            site.awaited = site.plain = False
            if site.callees:
                site.rows.clear()
        if isinstance(node.func, ast.Attribute) and len(site.callees) == len(callees) > 1:
            owners = self.facts.of(node.func.value)
            site.picked = bool(owners) and all(
                isinstance(v, Ext) and external.is_namespace(v) for v in owners
            )
        elif isinstance(node.func, ast.Call) and len(site.callees) == len(callees) > 1:
            # One of those whose names are alike: `getattr(self, f"handle_{kind}")(message)`.
            looked_up = (
                node.func.args[1:2] if Ext("builtins.getattr") in self.facts.of(node.func.func) else []
            )
            site.picked = any(any(affixes(name)) for name in looked_up)
        if site.rows or site.callees or site.unknown:
            self.sites.append(site)
        elif isinstance(node.func, ast.Attribute) and not (callees or self.facts.of(node.func.value)):
            awaited = isinstance(parent, ast.Await)
            self.graph.unknown.setdefault(self.fn, []).extend([] if awaited else [node])
        if any(isinstance(v, Obj) and v.kind in CREATES and v.origin is self.fn for v in self.facts.of(node)):
            self.graph.creators.add(self.fn)
        self.external_call(node, self.facts.of(node.func), site)

    def expected(self, node: ast.Call) -> ast.expr | None:
        """What is called in `self.assertRaises(ValueError, f, 1)`, where that is a statement on a line."""
        statement = self.graph.parents.get(node)
        if not (isinstance(statement, ast.Expr) and isinstance(node.func, ast.Attribute)):
            return None
        in_test = any(
            isinstance(value, Inst) and any(b.startswith("unittest.") for b in value.cls.all_external_bases())
            for value in self.facts.of(node.func.value)
        )
        paths = {node.func.attr} if in_test else _paths(self.facts.of(node.func)) & {"pytest.raises"}
        if self.fn.module.lines[statement.lineno - 1].lstrip().find(ast.unparse(node.func)) != 0:
            return None
        return external.expected(paths, node)

    def called_by(self, function: ast.Lambda) -> Values:
        """What such a lambda calls; nothing where the loop may not do what else it does."""
        body = function.body
        assert isinstance(body, ast.Call)
        for part in children(body):
            for node in walk(part):
                if isinstance(node, BINDS) or (isinstance(node, ast.Call) and not is_quick(node, self.facts)):
                    return NOTHING
        return self.facts.of(body.func)

    def given_to(self, node: ast.expr) -> set[str]:
        """Which functions are given `node` to wait for: `asyncio.gather(*[stub.Get(n) for n in numbers])`."""
        inner: ast.AST = node
        parent = self.graph.parents.get(inner)
        while isinstance(parent, (ast.Starred, ast.List, ast.Tuple, ast.Set)) or (
            isinstance(parent, (ast.ListComp, ast.SetComp, ast.GeneratorExp)) and parent.elt is inner
        ):
            inner, parent = parent, self.graph.parents.get(parent)
        if isinstance(parent, ast.Call) and inner in parent.args:
            return _paths(self.facts.of(parent.func))
        return set()

    def classify(self, site: CallSite, callee: Value, node: ast.Call) -> None:
        if isinstance(callee, Func):
            self.function(site, self.target(callee))
        elif isinstance(callee, Cls):
            if not callee.cls.module.source.generated:
                site.callees.update(makers(callee.cls))
        elif isinstance(callee, Inst):
            method = callee.cls.find_method("__call__")
            if method is not None:
                self.function(site, method)
        elif isinstance(callee, Obj):
            self.grpc_member(site, _surface.member(callee.kind, "__call__"), callee)
        elif isinstance(callee, MemberOf):
            row = _surface.member(callee.owner.kind, callee.name)
            if row is not None and row.spelling == "anext":
                step = IterateSite(*self.place(node), form="method next", stream=True, owner=node)
                self.add_origin(step.origins, callee.owner)
                self.sites.append(step)
                return
            self.grpc_member(site, row, callee.owner)
        elif not (isinstance(callee, Maker) or external.is_mock(callee)):
            # An annotation says what is returned; the colour is that of whatever is passed.
            if isinstance(callee, Ext) and callee.path == external.RUN and len(node.args) == 1:
                site.rows.append(external.RUN_MEMBER)
                site.kinds.add("run")
                return
            site.plain = True
            site.unknown = isinstance(callee, Ext) and external.is_unknown_stub(callee.path)

    def send(self, node: ast.Call) -> None:
        """A stub's method takes its requests from what it is given, wherever the call runs."""
        sent = self.graph.sent.setdefault(self.fn, set())
        for argument in node.args[:1]:
            for value in self.facts.of(argument):
                if isinstance(value, Gen) and not value.fn.is_async:
                    sent.add(value.fn)
                elif isinstance(value, Inst) and not value.cls.module.source.generated:
                    steps = (value.cls.find_method(name) for name in ("__next__", "__iter__"))
                    sent.update(step for step in steps if step is not None)

    def function(self, site: CallSite, fn: Function) -> None:
        """One of the program's own functions; calls of what is a coroutine already are left as they are."""
        if fn.is_async or fn.is_generator or self.facts.has_role(fn, "contextmanager"):
            site.plain = True
            if fn.is_async:
                self.graph.coroutines.setdefault(self.fn, set()).add(fn)
        else:
            site.callees.add(fn)

    def grpc_member(self, site: CallSite, row: _surface.Member | None, owner: Obj) -> None:
        if row is not None and row.spelling == "await":
            site.rows.append(row)
            site.kinds.add(owner.kind)
            self.add_origin(site.origins, owner)
        else:
            site.plain = True


def makers(cls: Class) -> Iterator[Function]:
    """What Python calls where an instance is made."""
    init = cls.find_method("__init__")
    for method in (cls.find_method("__new__"), init or cls.find_method("__post_init__")):
        if method is not None:
            yield method


def _paths(values: Values) -> set[str]:
    return {value.path if isinstance(value, Ext) else "" for value in values}
