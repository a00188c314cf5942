"""Calls in the abstract interpreter: what they return, what they pass, who is handed to whom."""

from __future__ import annotations

import ast
from abc import ABC
from collections.abc import Iterable

from .. import _surface
from . import external
from .evaluate import MAX_PATH, Evaluator, Frame
from .index import COMPILERS, Class, Function
from .values import (
    NOTHING,
    Box,
    BoxMember,
    Cls,
    Coro,
    Ext,
    Func,
    Gen,
    Inst,
    Manager,
    MemberOf,
    Mod,
    Obj,
    Super,
    Value,
    Values,
)


class CallEvaluator(Evaluator, ABC):
    """Calls; other expressions are in the base class, statements in `infer.Inference`."""

    def call(self, node: ast.Call, frame: Frame) -> Values:
        callees = self.eval(node.func, frame)
        args = [self.eval(arg, frame) for arg in node.args]
        keywords = {k.arg or "**": self.eval(k.value, frame) for k in node.keywords}
        if isinstance(node.func, ast.Name) and node.func.id == "super" and frame.scope.cls:
            return frozenset({Super(frame.scope.cls)})
        self.external_sinks(node, callees, args, keywords)
        found: set[Value] = set()
        for callee in callees:
            found |= self.call_one(callee, node, args, keywords, frame)
        return frozenset(found)

    def call_one(
        self, callee: Value, node: ast.Call, args: list[Values], keywords: dict[str, Values], frame: Frame
    ) -> Values:
        if isinstance(callee, Func):
            self.pass_arguments(callee, node, args, keywords)
            return self.result(callee.fn, frame)
        if isinstance(callee, Cls):
            return self.construct(callee.cls, node, args, keywords, frame)
        if isinstance(callee, Inst):
            method = callee.cls.find_method("__call__")
            if method is None:
                return NOTHING
            return self.call_one(Func(method, True), node, args, keywords, frame)
        if isinstance(callee, Obj):
            row = _surface.member(callee.kind, "__call__")
            return self.returned(row, node, frame)
        if isinstance(callee, MemberOf):
            if callee.owner.kind == "Channel" and callee.name.startswith(("unary_", "stream_")):
                return frozenset({Obj(_surface.MULTI_CALLABLES[callee.name])})
            return self.returned(_surface.member(callee.owner.kind, callee.name), node, frame)
        if isinstance(callee, BoxMember):
            return self.call_box(callee, args)
        if isinstance(callee, Ext):
            return self.call_external(callee.path, node, args, keywords, frame)
        return NOTHING

    def returned(self, row: _surface.Member | None, node: ast.Call, frame: Frame) -> Values:
        """The value a surface row says its call returns."""
        if row is None or row.returns == "value":
            return NOTHING
        if row.returns == "value, Call":
            self.learn(("item", node, 1), frozenset({Obj("Call", frame.owner)}))
            return frozenset({Box(node, indexed=True)})
        made_here = row.returns in ("ResponseStream", "Future", "StopEvent")
        return frozenset({Obj(row.returns, frame.owner if made_here else None)})

    def result(self, fn: Function, frame: Frame) -> Values:
        if self.facts.has_role(fn, "contextmanager"):
            return frozenset({Manager(fn)})
        if fn.is_generator:
            return frozenset({Gen(fn)})
        if fn.is_async:
            return frozenset({Coro(fn)})
        return self.known(("ret", fn))

    def construct(
        self, cls: Class, node: ast.Call, args: list[Values], keywords: dict[str, Values], frame: Frame
    ) -> Values:
        init = cls.find_method("__init__")
        if init is not None:
            self.pass_arguments(Func(init, True), node, args, keywords)
        else:
            names = [
                field.target.id
                for ancestor in reversed(list(cls.ancestors()))
                for field in ancestor.node.body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            ]
            for name, values in [*zip(names, args, strict=False), *keywords.items()]:
                if name in names:
                    self.learn(("attr", cls, name), values)
        return frozenset({Inst(cls)})

    def pass_arguments(
        self, callee: Func, node: ast.Call | None, args: list[Values], keywords: dict[str, Values]
    ) -> None:
        params = [arg.arg for arg in callee.fn.params]
        if callee.bound:
            params = params[1:]
        starred = node is not None and any(isinstance(arg, ast.Starred) for arg in node.args)
        if not starred:
            for name, values in zip(params, args, strict=False):
                self.learn(("param", callee.fn, name), values)
        accepted = {*params, *callee.fn.bound}
        for name, values in keywords.items():
            if name in accepted:
                self.learn(("param", callee.fn, name), values)

    def call_box(self, callee: BoxMember, args: list[Values]) -> Values:
        elem = ("elem", callee.box.node)
        if callee.name in ("append", "add", "appendleft") and args:
            self.learn(elem, args[0])
        elif callee.name in ("setdefault", "insert") and len(args) > 1:
            self.learn(elem, args[1])
        elif callee.name == "extend" and args:
            self.learn(elem, self.elements(args[0]))
        if callee.name in ("get", "pop", "popleft", "setdefault"):
            default = args[1] if len(args) > 1 and callee.name != "pop" else NOTHING
            return self.known(elem) | default
        if callee.name in ("values", "copy"):
            return frozenset({callee.box})
        return NOTHING

    def call_external(
        self, path: str, node: ast.Call, args: list[Values], keywords: dict[str, Values], frame: Frame
    ) -> Values:
        first = args[0] if args else NOTHING
        module, _, name = path.rpartition(".")
        if path == external.CONTINUATION:
            return frozenset({Obj("RpcMethodHandler")})
        if module == "grpc":
            return self.grpc_function(name, node, frame)
        if module == "builtins":
            return self.call_builtin(name, node, args, frame)
        if path == "functools.partial":
            for callee in first:
                if isinstance(callee, Func):
                    self.pass_arguments(callee, None, args[1:], keywords)
            return first
        if path in external.IDENTITY:
            return first
        result = f"{path}()"
        return frozenset({Ext(result)}) if len(result) < MAX_PATH else NOTHING

    def grpc_function(self, name: str, node: ast.Call, frame: Frame) -> Values:
        row = _surface.member("", name)
        if row is None:
            return NOTHING
        if name in COMPILERS:
            module = self.program.compiled.get(node)
            services: Values = frozenset({Mod(module) if module else Ext(external.UNKNOWN_SERVICES)})
            if name == "services":
                return services
            self.learn(("item", node, 1), services)
            return frozenset({Box(node, indexed=True)})
        if row.kind != "function":
            return frozenset({Ext(f"grpc.{name}()")})
        if name == "server":
            self.note_interceptors(node)
            return frozenset({Obj("Server", None, node)})
        arity = name.removesuffix("_rpc_method_handler")
        if arity in _surface.MULTI_CALLABLES and node.args:
            for behavior in self.facts.of(node.args[0]):
                if isinstance(behavior, Func):
                    self.mark_handler(behavior.fn, arity, skip=1 if behavior.bound else 0)
        return self.returned(row, node, frame)

    def note_interceptors(self, server: ast.Call) -> None:
        """Remember the interceptors that a server is made with."""
        given = [*server.args[2:3], *(k.value for k in server.keywords if k.arg in ("interceptors", None))]
        for argument in given:
            if not (isinstance(argument, ast.Constant) or _is_empty(argument)):
                known = self.facts.interceptors.get(server, NOTHING)
                self.facts.interceptors[server] = known | self.elements(self.facts.of(argument))

    def mark_handler(self, fn: Function, arity: str, skip: int) -> None:
        """Record that the server calls `fn`, and what it passes."""
        self.facts.handlers[fn] = arity
        params = [arg.arg for arg in fn.params][skip:]
        if len(params) >= 2:
            if arity.startswith("stream_"):
                self.learn(("param", fn, params[0]), frozenset({Obj("RequestIterator", fn)}))
            self.learn(("param", fn, params[1]), frozenset({Obj("ServicerContext", fn)}))

    def call_builtin(self, name: str, node: ast.Call, args: list[Values], frame: Frame) -> Values:
        first = args[0] if args else NOTHING
        if name == "iter" and len(args) == 1:
            return first
        if name in ("next", "anext", "min", "max"):
            return self.elements(first)
        if name in external.COLLECTORS and args:
            self.learn(("elem", node), self.elements(first))
            return frozenset({Box(node)})
        if name == "zip":
            self.learn(("elem", node), frozenset({Box(node.func, indexed=True)}))
            for index, values in enumerate(args):
                self.learn(("item", node.func, index), self.elements(values))
            return frozenset({Box(node)})
        if name == "enumerate":
            self.learn(("elem", node), frozenset({Box(node.func, indexed=True)}))
            self.learn(("item", node.func, 1), self.elements(first))
            return frozenset({Box(node)})
        if name == "map" and len(args) > 1:
            for callee in first:
                if isinstance(callee, Func):
                    self.pass_arguments(callee, None, [self.elements(a) for a in args[1:]], {})
            return frozenset({Box(node)})
        if name == "dict":
            return first if first else frozenset({Box(node)})
        if name == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
            return self.attribute(node, first, str(node.args[1].value), frame)
        if name == "getattr":
            return _any_method(first)
        return NOTHING

    def external_sinks(
        self, node: ast.Call, callees: Values, args: list[Values], keywords: dict[str, Values]
    ) -> None:
        """Functions handed to threads, callbacks and servers receive their arguments through them."""
        for sink in external.sinks_of(node, callees):
            handed = sink.function(args, keywords)
            passed = [self.elements(values) for values in args[1:]] if sink.maps else sink.passed(args)
            target_args = keywords.get("args", NOTHING)
            for callee in handed:
                if not isinstance(callee, Func):
                    continue
                if sink.kind == "callback":
                    for owner in callees:
                        if isinstance(owner, MemberOf):
                            self.pass_arguments(callee, None, [frozenset({owner.owner})], {})
                elif target_args:
                    items = [self.item(target_args, index) for index in range(len(callee.fn.params))]
                    self.pass_arguments(callee, None, items, {})
                else:
                    self.pass_arguments(callee, None, passed, {})
        for callee in callees:
            if isinstance(callee, Func) and callee.fn.name in callee.fn.module.adders and args:
                servicer = callee.fn.module.adders[callee.fn.name]
                for value in args[0]:
                    if isinstance(value, Inst):
                        known = self.registered.setdefault(value.cls, set())
                        if servicer not in known:
                            known.add(servicer)
                            self.structure_changed = True

    def registered_as(self, cls: Class) -> Iterable[Class]:
        """The generated servicers that instances of `cls` were added to a server as."""
        return self.registered.get(cls, ())

    def decorate(self, fn: Function, decorator: ast.expr, value: Values, frame: Frame) -> Values:
        """The value of `decorator(value)`; remembers what the decorator makes of the function."""
        roles = self.facts.roles.setdefault(fn, set())
        result: set[Value] = set()
        for applied in self.eval(decorator, frame):
            if isinstance(applied, Ext):
                role = external.decorator_role(applied.path)
                if role is not None and role not in roles:
                    roles.add(role)
                    self.structure_changed = True
            elif isinstance(applied, Func):
                self.pass_arguments(applied, None, [value], {})
                result |= self.result(applied.fn, frame)
        return frozenset(result) or value


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, (ast.List, ast.Tuple)) and not node.elts


def _any_method(owners: Values) -> Values:
    """What a method of a name unknown here may be, where the owner is a stub."""
    return frozenset(
        Obj(_surface.MULTI_CALLABLES[arity])
        for owner in owners
        if isinstance(owner, Inst)
        for ancestor in owner.cls.ancestors()
        for arity in ancestor.stub_methods.values()
    )
