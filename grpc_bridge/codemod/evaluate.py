"""Expressions of the abstract interpreter: names, attributes, calls, containers."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import _surface
from . import external
from .index import BUILTINS, Class, Function, Module, Program, dotted
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

if TYPE_CHECKING:
    from .infer import Facts

State = dict[str, Values]
Key = (
    tuple[str, Function]
    | tuple[str, ast.AST]
    | tuple[str, Function, str]
    | tuple[str, Class, str]
    | tuple[str, ast.AST, int]
)
MAX_PATH = 120
MAX_VALUES = 48
GRPC_CLASSES = {row.name for row in _surface.SURFACE if row.owner == "" and row.kind == "class"}


@dataclass
class Frame:
    """Where evaluation is: `scope` owns the names, `owner` is the function that runs."""

    scope: Function
    owner: Function
    cls: Class | None
    state: State

    def branch(self) -> Frame:
        return Frame(self.scope, self.owner, self.cls, dict(self.state))


class Evaluator(ABC):
    """Expressions; statements are in `infer.Inference`."""

    def __init__(self, program: Program, facts: Facts) -> None:
        self.program = program
        self.facts = facts
        self.env: dict[Key, Values] = {}
        self.blurred: set[Key] = set()
        self.readers: dict[Key, set[Function]] = {}
        self.dirty: set[Function] = set()
        self.structure_changed = False
        self.unit: Function | None = None
        self.submodules: dict[tuple[Module, str], Module] = {}
        self.registered: dict[Class, set[Class]] = {}

    # The environment

    def known(self, key: Key) -> Values:
        if self.unit is not None:
            self.readers.setdefault(key, set()).add(self.unit)
        return self.env.get(key, NOTHING)

    def learn(self, key: Key, values: Values) -> None:
        before = self.env.get(key, NOTHING)
        if not values <= before and key not in self.blurred:
            after = before | values
            if len(after) > MAX_VALUES:
                # What may be this many things is known to be nothing in particular.
                self.blurred.add(key)
                after = NOTHING
            self.env[key] = after
            self.dirty |= self.readers.get(key, set())

    def record(self, node: ast.AST, values: Values) -> Values:
        before = self.facts.values.get(node, NOTHING)
        if not values <= before:
            self.facts.values[node] = before | values
        return values

    def join(self, left: State, right: State) -> State:
        return {name: left.get(name, NOTHING) | right.get(name, NOTHING) for name in {*left, *right}}

    def bind(self, name: str, values: Values, frame: Frame) -> None:
        if frame.cls is not None:
            self.learn(("attr", frame.cls, name), values)
            frame.state[name] = values
            return
        scope = frame.scope
        if name in scope.outer:
            owner = self.owner_of(name, scope.parent or scope)
            self.learn(("var", owner, name), values)
            return
        frame.state[name] = values
        self.learn(("var", scope, name), values)

    def owner_of(self, name: str, scope: Function | None) -> Function:
        """The scope around `scope` that binds `name`: the module's top level if none does."""
        while scope is not None:
            if name in scope.bound and name not in scope.outer:
                return scope
            if scope.parent is None:
                return scope
            scope = scope.parent
        raise AssertionError("every scope ends at a module")

    def name(self, name: str, frame: Frame) -> Values:
        if name in frame.state:
            return frame.state[name]
        owner = self.owner_of(name, frame.scope)
        if name in owner.bound:
            return self.known(("var", owner, name))
        return frozenset({Ext(f"builtins.{name}")}) if name in BUILTINS else NOTHING

    # Expressions

    def eval(self, node: ast.expr, frame: Frame) -> Values:
        return self.record(node, self.evaluate(node, frame))

    def evaluate(self, node: ast.expr, frame: Frame) -> Values:
        if isinstance(node, ast.Name):
            return self.name(node.id, frame)
        if isinstance(node, ast.Attribute):
            return self.attribute(node, self.eval(node.value, frame), node.attr, frame)
        if isinstance(node, ast.Call):
            return self.call(node, frame)
        if isinstance(node, ast.Lambda):
            for default in node.args.defaults:
                self.eval(default, frame)
            return frozenset({Func(frame.scope.module.function_of[node], False)})
        if isinstance(node, ast.Await):
            awaited = self.eval(node.value, frame)
            return frozenset().union(
                *(self.known(("ret", v.fn)) if isinstance(v, Coro) else {v} for v in awaited)
            )
        if isinstance(node, (ast.List, ast.Set, ast.Tuple)):
            for index, element in enumerate(node.elts):
                values = self.eval(element, frame)
                self.learn(("elem", node), values)
                self.learn(("item", node, index), values)
            return frozenset({Box(node, isinstance(node, (ast.Tuple, ast.List)))})
        if isinstance(node, ast.Dict):
            for key in node.keys:
                if key is not None:
                    self.eval(key, frame)
            for value in node.values:
                self.learn(("elem", node), self.eval(value, frame))
            return frozenset({Box(node)})
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            return self.comprehension(node, frame)
        if isinstance(node, ast.Subscript):
            self.eval(node.slice, frame)
            owner = self.eval(node.value, frame)
            constant = node.slice.value if isinstance(node.slice, ast.Constant) else None
            return self.item(owner, constant if isinstance(constant, int) else None)
        if isinstance(node, ast.IfExp):
            self.eval(node.test, frame)
            return self.eval(node.body, frame) | self.eval(node.orelse, frame)
        if isinstance(node, ast.BoolOp):
            return frozenset().union(*(self.eval(value, frame) for value in node.values))
        if isinstance(node, ast.NamedExpr):
            values = self.eval(node.value, frame)
            self.bind(node.target.id, values, frame)
            return values
        if isinstance(node, ast.Starred):
            return self.eval(node.value, frame)
        if isinstance(node, ast.Yield):
            if node.value is not None:
                self.learn(("yield", frame.scope), self.eval(node.value, frame))
            return NOTHING
        if isinstance(node, ast.YieldFrom):
            self.learn(("yield", frame.scope), self.elements(self.eval(node.value, frame)))
            return NOTHING
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.eval(child, frame)
        return NOTHING

    def comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, frame: Frame
    ) -> Values:
        inner = frame.branch()
        inner.cls = None
        for generator in node.generators:
            items = self.elements(self.eval(generator.iter, inner))
            self.assign(generator.target, items, inner)
            for condition in generator.ifs:
                self.eval(condition, inner)
        if isinstance(node, ast.DictComp):
            self.eval(node.key, inner)
            self.learn(("elem", node), self.eval(node.value, inner))
        else:
            self.learn(("elem", node), self.eval(node.elt, inner))
        return frozenset({Box(node)})

    @abstractmethod
    def assign(self, target: ast.expr, value: Values, frame: Frame) -> None:
        """Bind `target`, a name or a pattern of names."""

    def attribute(self, node: ast.expr, owners: Values, attr: str, frame: Frame) -> Values:
        found: set[Value] = set()
        for owner in owners:
            found |= self.attribute_of(node, owner, attr, frame)
        return frozenset(found)

    def attribute_of(self, node: ast.expr, owner: Value, attr: str, frame: Frame) -> Values:
        if isinstance(owner, Mod):
            values = self.known(("var", owner.module.top, attr))
            return values or self.submodule(frame, node, attr)
        if isinstance(owner, Ext):
            module = self.submodule(frame, node, attr)
            path = f"{owner.path}.{attr}"
            return module or (frozenset({Ext(path)}) if len(path) < MAX_PATH else NOTHING)
        if isinstance(owner, (Inst, Cls)):
            return self.class_attribute(node, owner, attr)
        if isinstance(owner, Super):
            found: set[Value] = set()
            for base in owner.cls.bases:
                found |= self.class_attribute(node, Inst(base), attr, up_only=True)
            return frozenset(found)
        if isinstance(owner, Obj) and _surface.member(owner.kind, attr) is not None:
            return frozenset({MemberOf(owner, attr)})
        if isinstance(owner, Box):
            return frozenset({BoxMember(owner, attr)})
        if isinstance(owner, Func):
            # A function carries attributes of its own only where somebody put them there.
            return NOTHING
        return NOTHING

    def submodule(self, frame: Frame, node: ast.expr, attr: str) -> Values:
        path = dotted(node) if isinstance(node, ast.Attribute) else ""
        target = self.submodules.get((frame.scope.module, path))
        return frozenset({Mod(target)}) if target else NOTHING

    def class_attribute(self, node: ast.expr, owner: Inst | Cls, attr: str, up_only: bool = False) -> Values:
        cls = owner.cls
        if attr in cls.stub_methods and isinstance(owner, Inst):
            return frozenset({Obj(_surface.MULTI_CALLABLES[cls.stub_methods[attr]])})
        found: set[Value] = set()
        for ancestor in cls.ancestors():
            if attr in ancestor.stub_methods:
                found.add(Obj(_surface.MULTI_CALLABLES[ancestor.stub_methods[attr]]))
            values = self.known(("attr", ancestor, attr))
            found |= values
            if any(isinstance(value, Func) for value in values):
                break
        if not up_only:
            for descendant in cls.descendants():
                found |= self.known(("attr", descendant, attr))
        fallback = cls.find_method("__getattr__")
        if not found and fallback is not None and attr not in cls.methods and not attr.startswith("__"):
            return self.known(("ret", fallback))
        return frozenset().union(*(self.bound(node, value, owner) for value in found))

    def bound(self, node: ast.expr, value: Value, owner: Inst | Cls) -> Values:
        """A value found on a class, as seen through an instance: methods bind, properties are read."""
        if not isinstance(value, Func):
            return frozenset({value})
        if self.facts.has_role(value.fn, "property"):
            self.facts.properties.setdefault(node, set()).add(value.fn)
            return self.known(("ret", value.fn))
        if value.fn.kind == "lambda" and value.fn.cls is None:
            return frozenset({value})
        in_class = value.fn.cls is not None or value.fn.parent is not None
        static = self.facts.has_role(value.fn, "static")
        binds = isinstance(owner, Inst) or self.facts.has_role(value.fn, "class")
        return frozenset({Func(value.fn, in_class and binds and not static)})

    def item(self, owners: Values, index: int | None) -> Values:
        """`owner[index]`."""
        found: set[Value] = set()
        for owner in owners:
            if isinstance(owner, Box):
                key = ("item", owner.node, index if index is not None else -1)
                values = self.known(key) if owner.indexed and index is not None else NOTHING
                found |= values or self.known(("elem", owner.node))
            elif isinstance(owner, Inst):
                getter = owner.cls.find_method("__getitem__")
                if getter is not None:
                    found |= self.known(("ret", getter))
        return frozenset(found)

    def elements(self, owners: Values) -> Values:
        """What iterating over `owners` gives."""
        found: set[Value] = set()
        for owner in owners:
            if isinstance(owner, Box):
                found |= self.known(("elem", owner.node))
            elif isinstance(owner, Gen):
                found |= self.known(("yield", owner.fn))
            elif isinstance(owner, Inst):
                step = owner.cls.find_method("__next__")
                start = owner.cls.find_method("__iter__")
                if step is not None:
                    found |= self.known(("ret", step))
                elif start is not None:
                    found |= self.known(("yield", start))
        return frozenset(found)

    def enter(self, managers: Values) -> Values:
        """What `with manager as` gives."""
        found: set[Value] = set()
        for manager in managers:
            if isinstance(manager, Manager):
                found |= self.known(("yield", manager.fn))
            elif isinstance(manager, Inst):
                enter = manager.cls.find_method("__enter__") or manager.cls.find_method("__aenter__")
                found |= self.known(("ret", enter)) if enter else NOTHING
            else:
                found.add(manager)
        return frozenset(found)

    def append(self, owners: Values, values: Values) -> None:
        for owner in owners:
            if isinstance(owner, Box):
                self.learn(("elem", owner.node), values | self.elements(values))

    # Calls

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
        if row.kind != "function":
            return frozenset({Ext(f"grpc.{name}()")})
        arity = name.removesuffix("_rpc_method_handler")
        if arity in _surface.MULTI_CALLABLES and node.args:
            for behavior in self.facts.of(node.args[0]):
                if isinstance(behavior, Func):
                    self.mark_handler(behavior.fn, arity, skip=1 if behavior.bound else 0)
        return self.returned(row, node, frame)

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

    # Declarations

    def annotation(self, node: ast.expr, frame: Frame) -> Values:
        """What a variable so annotated holds, where that is one of ours or one of the program's."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value, mode="eval").body
            except SyntaxError:
                return NOTHING
        if isinstance(node, ast.BinOp):
            return self.annotation(node.left, frame) | self.annotation(node.right, frame)
        if isinstance(node, ast.Subscript):
            if dotted(node.value).split(".")[-1] == "Optional":
                return self.annotation(node.slice, frame)
            return NOTHING
        found: set[Value] = set()
        for value in self.eval(node, frame):
            if isinstance(value, Cls):
                found.add(Inst(value.cls))
            elif isinstance(value, Ext) and value.path.startswith("grpc."):
                name = value.path.removeprefix("grpc.")
                if name in GRPC_CLASSES and _surface_has_members(name):
                    found.add(Obj(name))
            elif isinstance(value, Ext) and _names_class(value.path):
                found.add(Ext(f"{value.path}()"))
        return frozenset(found)

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

    def find_fixture(self, fn: Function, name: str) -> Function | None:
        """The pytest fixture that a parameter called `name` of `fn` receives."""
        if fn.cls is not None:
            method = fn.cls.find_method(name)
            if method is not None and self.facts.has_role(method, "fixture"):
                return method
        module = fn.module
        places = [module]
        for folder in module.path.resolve().parents:
            conftest = self.program.modules.get(Path(folder / "conftest.py"))
            if conftest is not None:
                places.append(conftest)
        for place in places:
            for value in self.known(("var", place.top, name)):
                if isinstance(value, Func) and self.facts.has_role(value.fn, "fixture"):
                    return value.fn
        return None


def _surface_has_members(name: str) -> bool:
    return any(row.owner == name for row in _surface.SURFACE)


def _names_class(path: str) -> bool:
    """True for the path of an external class that says something about its instances."""
    return (
        "." in path and "()" not in path and not path.startswith(("builtins.", "typing.", "collections.abc."))
    )


def _any_method(owners: Values) -> Values:
    """What a method of a name unknown here may be, where the owner is a stub."""
    return frozenset(
        Obj(_surface.MULTI_CALLABLES[arity])
        for owner in owners
        if isinstance(owner, Inst)
        for ancestor in owner.cls.ancestors()
        for arity in ancestor.stub_methods.values()
    )
