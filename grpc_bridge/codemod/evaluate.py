"""Expressions of the abstract interpreter: names, attributes, calls, containers."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from dataclasses import dataclass

from .. import _surface
from . import external
from .containers import Containers, Place, is_enum, members_of
from .environment import MemberKey
from .index import BUILTINS, Class, Function, Module, dotted
from .nodes import children, defaults
from .values import (
    CONTEXT,
    NOTHING,
    Alias,
    Box,
    BoxMember,
    Cls,
    Coro,
    Ext,
    Func,
    Getter,
    Inst,
    MemberOf,
    Mod,
    Obj,
    Record,
    Super,
    Value,
    Values,
)

State = dict[str, Values]
MAX_PATH = 120
ANY_NAME = "*"
"""The attribute under which is kept what `setattr` gives a name that is not known."""
GENERIC = ("typing.", "typing_extensions.", "collections.", "builtins.", "contextlib.")
# They are called as a multi-callable is.
CALLS_WITHOUT_CHANNEL = {
    f"grpc.experimental.{arity}": kind for arity, kind in _surface.MULTI_CALLABLES.items()
}


@dataclass
class Frame:
    """Where evaluation is: `scope` owns the names, `owner` is the function that runs."""

    scope: Function
    owner: Function
    cls: Class | None
    state: State

    def branch(self) -> Frame:
        return Frame(self.scope, self.owner, self.cls, dict(self.state))


class Evaluator(Containers, ABC):
    """Expressions; statements are in `infer.Inference`."""

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
            others = self.known(("var", frame.scope, name)) if name in frame.scope.shared else NOTHING
            return frame.state[name] | others
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
        if isinstance(node, ast.Constant):
            return NOTHING
        if isinstance(node, ast.Attribute):
            return self.attribute(node, self.eval(node.value, frame), node.attr, frame)
        if isinstance(node, ast.Call):
            return self.call(node, frame)
        if isinstance(node, ast.Lambda):
            for _, default in defaults(node.args):
                self.eval(default, frame)
            return frozenset({Func(frame.scope.module.function_of[node])})
        if isinstance(node, ast.Await):
            awaited = self.eval(node.value, frame)
            return frozenset().union(
                *(self.known(("ret", v.fn)) if isinstance(v, Coro) else {v} for v in awaited)
            )
        if isinstance(node, (ast.List, ast.Set, ast.Tuple)):
            return self.sequence(node, frame)
        if isinstance(node, ast.Dict):
            return self.dictionary(node, frame)
        if isinstance(node, ast.BinOp):
            return self.combined(node, self.eval(node.left, frame), self.eval(node.right, frame))
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            return self.comprehension(node, frame)
        if isinstance(node, ast.Subscript):
            return self.subscript(node, frame)
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
        for child in children(node):
            if isinstance(child, ast.expr):
                self.eval(child, frame)
        return NOTHING

    def sequence(self, node: ast.List | ast.Set | ast.Tuple, frame: Frame) -> Values:
        exact = True
        for index, element in enumerate(node.elts):
            values = self.eval(element, frame)
            if isinstance(element, ast.Starred):
                exact = False
                values = self.elements(values)
            self.put(node, index if exact else None, values)
        return frozenset({Box(node, "tuple" if exact and isinstance(node, ast.Tuple) else "list")})

    def dictionary(self, node: ast.Dict, frame: Frame) -> Values:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self.merge(node, self.eval(value, frame))
            else:
                self.key(node, self.eval(key, frame))
                self.put(node, constant(key), self.eval(value, frame))
        return frozenset({Box(node, "dict")})

    def combined(self, node: ast.BinOp, left: Values, right: Values) -> Values:
        """Two containers added up, or one repeated."""
        boxes = [value for value in (*left, *right) if isinstance(value, Box)]
        if not boxes:
            return NOTHING
        if all(box.kind == "dict" for box in boxes):
            self.merge(node, frozenset(boxes))
            return frozenset({Box(node, "dict")})
        return self.box(node, self.elements(frozenset(boxes)))

    def subscript(self, node: ast.Subscript, frame: Frame) -> Values:
        self.eval(node.slice, frame)
        owners = self.eval(node.value, frame)
        found = set(self.item(owners, constant(node.slice)))
        for owner in owners:
            if isinstance(owner, Cls):
                # `Holder[Stub]` is the class.
                found.add(owner)
            elif isinstance(owner, Ext) and owner.path.startswith(GENERIC):
                found.add(Alias(node, frame.scope.module.top))
        if isinstance(node.slice, ast.Slice) and any(isinstance(owner, Box) for owner in owners):
            return self.box(node, self.elements(owners))
        return frozenset(found)

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
            self.key(node, self.eval(node.key, inner))
            self.learn(("elem", node), self.eval(node.value, inner))
            return frozenset({Box(node, "dict")})
        return self.box(node, self.eval(node.elt, inner))

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
            return values or self.submodule(frame, node, attr) or self.lazily(owner.module, attr)
        if isinstance(owner, Ext):
            module = self.submodule(frame, node, attr)
            if owner.path in external.CONTEXTS and (values := self.known(("item", CONTEXT, attr))):
                return values
            if owner.node is not None and external.is_namespace(owner):
                return self.known(("default", owner.node, attr))
            path = f"{owner.path}.{attr}"
            if path in CALLS_WITHOUT_CHANNEL:
                return frozenset({Obj(CALLS_WITHOUT_CHANNEL[path])})
            return module or (frozenset({Ext(path, owner.node)}) if len(path) < MAX_PATH else NOTHING)
        if isinstance(owner, Inst) and attr == "__dict__":
            return frozenset({Box(owner.cls.node, "dict")})
        if isinstance(owner, Inst) and attr == "__class__":
            return frozenset({Cls(owner.cls)})
        if isinstance(owner, (Inst, Cls)) and is_enum(owner.cls):
            members = members_of(owner.cls)
            if attr in members:
                return frozenset({Inst(owner.cls)})
            if attr == "value" and "value" not in owner.cls.methods:
                return frozenset().union(*(self.known(("attr", owner.cls, name)) for name in members))
        if isinstance(owner, (Inst, Cls)):
            return self.class_attribute(node, owner, attr)
        if isinstance(owner, Super):
            found: set[Value] = set()
            for base in owner.cls.next_in_line():
                found |= self.class_attribute(node, Inst(base), attr, up_only=True)
            return frozenset(found)
        if isinstance(owner, Obj) and _surface.member(owner.kind, attr) is not None:
            return frozenset({MemberOf(owner, attr)})
        if isinstance(owner, Box):
            return frozenset({BoxMember(owner, attr)})
        if isinstance(owner, Record):
            return self.known(("item", owner.node, attr))
        # A function carries attributes of its own only where somebody put them there.
        return NOTHING

    def lazily(self, module: Module, attr: str) -> Values:
        """What the `__getattr__` of a module may give for a name that it does not bind."""
        values = self.known(("var", module.top, "__getattr__")) if not attr.startswith("__") else NOTHING
        return frozenset().union(*(self.known(("ret", v.fn)) for v in values if isinstance(v, Func)))

    def submodule(self, frame: Frame, node: ast.expr, attr: str) -> Values:
        path = dotted(node) if isinstance(node, ast.Attribute) else ""
        target = self.submodules.get((frame.scope.module, path))
        return frozenset({Mod(target)}) if target else NOTHING

    def class_attribute(self, node: ast.expr, owner: Inst | Cls, attr: str, up_only: bool = False) -> Values:
        key: MemberKey = ("member", owner, attr, up_only)
        found = self.derive(key, lambda: self.find_attribute(key))
        if getters := self.read_through.get(key):
            self.facts.properties.setdefault(node, set()).update(getters)
        return found

    def find_attribute(self, key: MemberKey) -> Values:
        """What an attribute of a class or its instances is; notes the properties that are read for it."""
        _, owner, attr, up_only = key
        cls = owner.cls
        getters = self.read_through[key] = set()
        if attr in cls.stub_methods and isinstance(owner, Inst):
            return frozenset({Obj(_surface.MULTI_CALLABLES[cls.stub_methods[attr]])})
        found: set[Value] = set()
        for ancestor in cls.ancestors():
            if attr in ancestor.stub_methods:
                found.add(Obj(_surface.MULTI_CALLABLES[ancestor.stub_methods[attr]]))
            values = self.known(("attr", ancestor, attr))
            values = declared(self.known(("declared", ancestor, attr)), values)
            found |= values
            if attr in ancestor.methods or any(isinstance(value, Func) for value in values):
                break
        if not up_only:
            for descendant in cls.descendants():
                found |= self.known(("attr", descendant, attr))
        if not found and attr not in cls.methods:
            for ancestor in cls.ancestors():
                # What `setattr` put there, and `__dict__`.
                found |= self.known(("attr", ancestor, ANY_NAME)) | self.known(("item", ancestor.node, attr))
        if not found and cls.stub_methods and cls.module.path.name.startswith("<"):
            # A stub that was only assumed: of a method that nobody's use explains, nothing is known.
            return frozenset({Ext(f"{cls.module.path.name.strip('<>')}.{cls.name}().{attr}")})
        fallback = cls.find_method("__getattr__")
        if not found and fallback is not None and attr not in cls.methods and not attr.startswith("__"):
            return self.known(("ret", fallback)) | self.handed_on(fallback, key, getters)
        return frozenset().union(*(self.bound(value, owner, getters) for value in found))

    def handed_on(self, fallback: Function, key: MemberKey, getters: set[Function]) -> Values:
        """What a `__getattr__` gives that asks another object for what is asked of its own."""
        found: set[Value] = set()
        if key in self.delegating:
            return NOTHING
        self.delegating.add(key)
        for inner in self.known(("delegate", fallback)):
            if isinstance(inner, (Inst, Cls)):
                below: MemberKey = ("member", inner, key[2], False)
                found |= self.find_attribute(below)
                getters |= self.read_through[below]
            elif isinstance(inner, Obj) and _surface.member(inner.kind, key[2]) is not None:
                found.add(MemberOf(inner, key[2]))
            elif isinstance(inner, Ext) and len(inner.path) < MAX_PATH:
                found.add(Ext(f"{inner.path}.{key[2]}", inner.node))
        self.delegating.discard(key)
        return frozenset(found)

    def decorated_as(self, value: Func, role: str) -> bool:
        """True where a decorator gave a role to a function, or to what it is a wrapper of."""
        return any(self.facts.has_role(inner.fn, role) for inner in value.layers())

    def bound(self, value: Value, owner: Inst | Cls, getters: set[Function]) -> Values:
        """A value found on a class, as seen through an instance: methods bind, properties are read."""
        if isinstance(value, Getter):
            getters.add(value.fn)
            return self.known(("ret", value.fn))
        if isinstance(value, Inst) and (getter := value.cls.find_method("__get__")) is not None:
            getters.add(getter)
            for arg in getter.params[1:2]:
                self.learn(("param", getter, arg.arg), frozenset({owner}))
            return self.known(("ret", getter))
        if not isinstance(value, Func):
            return frozenset({value})
        if self.decorated_as(value, "property"):
            getters.update(inner.fn for inner in value.layers())
            return self.known(("ret", value.fn))
        if value.fn.kind == "lambda" and value.fn.cls is None:
            return frozenset({value})
        in_class = value.fn.cls is not None or value.fn.parent is not None
        static = self.decorated_as(value, "static")
        binds = isinstance(owner, Inst) or self.decorated_as(value, "class")
        # A partial has its first arguments, and binds no more.
        given = value.given or int(in_class and binds and not static)
        if given == 1 and value.fn.cls is None and isinstance(owner, Inst):
            # Put into the class from outside.
            for arg in value.fn.params[:1]:
                self.learn(("param", value.fn, arg.arg), frozenset({owner}))
        return frozenset({Func(value.fn, given, value.of)})


def declared(annotation: Values, values: Values) -> Values:
    """What an annotated place holds: where that says what it is, nobody's guess at foreign code counts."""
    if any(isinstance(value, (Obj, Inst)) for value in annotation):
        values = frozenset(
            v for v in values if not isinstance(v, Ext) or v.node is not None or external.is_mock(v)
        )
    return annotation | values


def constant(node: ast.expr) -> Place:
    """The index or key that an expression is, where it is a literal."""
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, (int, str)) else None
