"""Expressions of the abstract interpreter: names, attributes, calls, containers."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import _surface
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
    def call(self, node: ast.Call, frame: Frame) -> Values:
        """What a call returns; what it passes is learnt."""

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


def _surface_has_members(name: str) -> bool:
    return any(row.owner == name for row in _surface.SURFACE)


def _names_class(path: str) -> bool:
    """True for the path of an external class that says something about its instances."""
    return (
        "." in path and "()" not in path and not path.startswith(("builtins.", "typing.", "collections.abc."))
    )
