"""Calls in the abstract interpreter: what they return, what they pass, who is handed to whom."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from .. import _surface
from . import external
from .containers import field_names, is_named_tuple
from .evaluate import Frame, constant
from .generated import ARITIES
from .index import Class, Function
from .texts import TextEvaluator
from .values import (
    NOTHING,
    Alias,
    Box,
    BoxMember,
    Cls,
    Coro,
    Ext,
    Func,
    Gen,
    Inst,
    Maker,
    Manager,
    MemberOf,
    Obj,
    Record,
    RecordType,
    Super,
    Value,
    Values,
)

MAX_STARRED = 8
"""So many arguments of `f(*args)` are followed one by one."""


class CallEvaluator(TextEvaluator, ABC):
    """Calls; other expressions are in the base class, statements in `infer.Inference`."""

    def call(self, node: ast.Call, frame: Frame) -> Values:
        callees = self.eval(node.func, frame)
        args = [self.eval(arg, frame) for arg in node.args]
        keywords = {k.arg or "**": self.eval(k.value, frame) for k in node.keywords}
        if isinstance(node.func, ast.Name) and node.func.id == "super" and frame.scope.cls:
            return frozenset({Super(frame.scope.cls)})
        if isinstance(node.func, ast.Attribute) and node.func.attr == "__new__" and args:
            return frozenset(Inst(value.cls) for value in args[0] if isinstance(value, Cls))
        if not callees and isinstance(node.func, ast.Attribute) and _makes_multi_callable(node):
            return frozenset({Obj(_surface.MULTI_CALLABLES[node.func.attr])})
        if isinstance(node.func, ast.Attribute) and not callees:
            made = self.inherited_method(node, node.func.attr, self.facts.of(node.func.value), args, keywords)
            if made is not None:
                return made
        self.external_sinks(node, callees, args, keywords)
        self.pass_texts(callees, node, frame)
        found: set[Value] = set()
        for callee in callees:
            found |= self.call_one(callee, node, args, keywords, frame)
        return frozenset(found)

    def call_one(
        self, callee: Value, node: ast.Call, args: list[Values], keywords: dict[str, Values], frame: Frame
    ) -> Values:
        if isinstance(callee, Func):
            self.pass_arguments(callee, node, args, keywords)
            return self.without_wrappers(callee, node, self.result_of(callee, frame))
        if isinstance(callee, Cls):
            return self.construct(callee.cls, node, args, keywords)
        if isinstance(callee, Inst):
            method = callee.cls.find_method("__call__")
            if method is None:
                return NOTHING
            return self.call_one(Func(method, 1), node, args, keywords, frame)
        if isinstance(callee, Obj):
            row = _surface.member(callee.kind, "__call__")
            return self.returned(row, node, frame)
        if isinstance(callee, MemberOf):
            if callee.owner.kind == "Channel" and callee.name.startswith(("unary_", "stream_")):
                return frozenset({Obj(_surface.MULTI_CALLABLES[callee.name])})
            return self.returned(_surface.member(callee.owner.kind, callee.name), node, frame)
        if isinstance(callee, BoxMember):
            place = constant(node.args[0]) if node.args else None
            return self.call_box(callee, args, keywords, place)
        if isinstance(callee, RecordType):
            return self.make_record(callee, args, keywords)
        if isinstance(callee, Maker):
            return self.known(("ret", callee.node))
        if isinstance(callee, Alias):
            return self.call_alias(callee, node, args, keywords, frame)
        if isinstance(callee, Ext):
            if callee.node is not None:
                if external.is_mock(callee):
                    return self.attribute_of(node, callee, "return_value", frame)
                if callee.path.startswith(external.PARSER):
                    return self.call_parser(callee, keywords)
                if callee.path.startswith(external.GETTER) and isinstance(callee.node, ast.Call):
                    return self.get(callee.node, args[0] if args else NOTHING, frame)
                return self.call_queue(callee.node, callee.path, args)
            return self.call_external(callee.path, node, args, keywords, frame)
        return NOTHING

    def inherited_method(
        self, node: ast.Call, name: str, owners: Values, args: list[Values], keywords: dict[str, Values]
    ) -> Values | None:
        """What a method returns that classes have from Python; None where it is not known to be one."""
        if name == "__subclasses__":
            classes = {owner.cls for owner in owners if isinstance(owner, Cls)}
            return self.box(node, frozenset(Cls(below) for cls in classes for below in cls.subclasses))
        if name not in ("_replace", "_make"):
            return None
        found: set[Value] = set()
        for owner in owners:
            if isinstance(owner, Record):
                self.set_attributes(owner, owner.names, args, keywords)
                found.add(owner)
            elif isinstance(owner, (Inst, Cls)) and is_named_tuple(owner.cls):
                self.set_attributes(owner, field_names(owner.cls), args, keywords)
                found.add(Inst(owner.cls))
        return frozenset(found)

    def set_attributes(
        self, owner: Value, names: Sequence[str], args: list[Values], keywords: dict[str, Values]
    ) -> None:
        """The fields of a named tuple made of another one, or of what is in an iterable."""
        made = [(name, self.item(args[0], place)) for place, name in enumerate(names)] if args else []
        for name, values in [*made, *keywords.items()]:
            self.set_attribute(frozenset({owner}), name, values)

    @abstractmethod
    def set_attribute(self, owners: Values, name: str, values: Values) -> None:
        """`owner.name = values`."""

    def call_alias(
        self, alias: Alias, node: ast.Call, args: list[Values], keywords: dict[str, Values], frame: Frame
    ) -> Values:
        """`Holder[Stub](...)`, a call of the class; what is indexed in a circle is nothing."""
        if alias in self.called:
            return NOTHING
        self.called.add(alias)
        of = self.eval(cast(ast.Subscript, alias.node).value, frame)
        made = self.call_values(of, node, args, keywords, frame)
        self.called.discard(alias)
        return made

    def returned(self, row: _surface.Member | None, node: ast.Call, frame: Frame) -> Values:
        """The value a surface row says its call returns."""
        if row is None or row.returns == "value":
            return NOTHING
        if row.returns == "value, Call":
            return self.tuple_of(node, [NOTHING, frozenset({Obj("Call", frame.owner)})])
        made_here = row.returns in ("ResponseStream", "Future", "StopEvent")
        return frozenset({Obj(row.returns, frame.owner if made_here else None)})

    def result_of(self, callee: Func, frame: Frame) -> Values:
        """What a call returns; of a wrapper, what it returns of its own and what its function does."""
        known = self.wrapper_of(callee.fn) if callee.of is not None else None
        if callee.of is None or known is None or not known.passes:
            return self.result(callee.fn, frame)
        return self.known(("own", callee.fn)) | self.result_of(callee.of, frame)

    def without_wrappers(self, callee: Func, node: ast.Call, made: Values) -> Values:
        """`retry(times=3)` gives a decorator: it wraps nothing where it is not given a function."""
        inside = {v for v in made if isinstance(v, Func) and v.fn.parent is callee.fn}
        if not inside or any(isinstance(arg, ast.Starred) for arg in node.args):
            return made
        names = [arg.arg for arg in callee.fn.params][callee.given :][: len(node.args)]
        given = {*names, *(keyword.arg for keyword in node.keywords)}
        if None in given or callee.given:
            return made
        known = {v: self.wrapper_of(v.fn) for v in inside}
        return frozenset(v for v in made if v not in known or (w := known[v]) is None or w.name in given)

    def result(self, fn: Function, frame: Frame) -> Values:
        if self.facts.has_role(fn, "contextmanager") or self.facts.has_role(fn, "asynccontextmanager"):
            return frozenset({Manager(fn)})
        if fn.is_generator:
            return frozenset({Gen(fn)})
        if fn.is_async:
            return frozenset({Coro(fn)})
        return self.known(("ret", fn))

    def construct(
        self, cls: Class, node: ast.Call | None, args: list[Values], keywords: dict[str, Values]
    ) -> Values:
        init = cls.find_method("__init__")
        if init is not None:
            self.pass_arguments(Func(init, 1), node, args, keywords)
        else:
            names = field_names(cls)
            for name, values in [*zip(names, args, strict=False), *keywords.items()]:
                if name in names:
                    self.learn(("attr", cls, name), values)
        return frozenset({Inst(cls)})

    @abstractmethod
    def annotation(self, node: ast.expr, frame: Frame) -> Values:
        """What a variable annotated with `node` holds."""

    def call_values(
        self, callees: Values, node: ast.Call, args: list[Values], keywords: dict[str, Values], frame: Frame
    ) -> Values:
        """What somebody's call of `callees` returns; `node` is where that somebody is told of them."""
        return frozenset().union(*(self.call_one(c, node, args, keywords, frame) for c in callees))

    def make_record(self, made: RecordType, args: list[Values], keywords: dict[str, Values]) -> Values:
        for name, values in [*zip(made.names, args, strict=False), *keywords.items()]:
            self.put(made.node, name, values)
        return frozenset({Record(made.node, made.names)})

    def pass_arguments(
        self, callee: Func, node: ast.Call | None, args: list[Values], keywords: dict[str, Values]
    ) -> None:
        """Learn the parameters of `callee` from one call; `node` says which arguments have a star."""
        fn = callee.fn
        self.pass_unknown_texts(fn, node)
        params = [arg.arg for arg in fn.params][callee.given :]
        given = (
            fn.node.args if isinstance(fn.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) else None
        )
        stars = [isinstance(arg, ast.Starred) for arg in node.args] if node is not None else []
        for index, values in enumerate(args):
            if index < len(stars) and stars[index]:
                rest = params[index:]
                self.pass_starred(fn, rest, values, given.vararg if given else None)
                break
            if index < len(params):
                self.learn(("param", fn, params[index]), values)
            elif given is not None and given.vararg is not None:
                self.put(given.vararg, index - len(params), values)
        names = {*params, *(arg.arg for arg in given.kwonlyargs)} if given else set()
        for name, values in keywords.items():
            if name in names:
                self.learn(("param", fn, name), values)
            elif name == "**":
                self.pass_double_starred(fn, names, values, given.kwarg if given else None)
            elif given is not None and given.kwarg is not None:
                self.put(given.kwarg, name, values)

    def pass_starred(self, fn: Function, params: list[str], values: Values, vararg: ast.arg | None) -> None:
        """`f(*values)`."""
        boxes = frozenset(value for value in values if isinstance(value, (Box, Record, Inst)))
        for index, name in enumerate(params):
            self.learn(("param", fn, name), self.item(boxes, index))
        if vararg is not None:
            for index in range(len(params), len(params) + MAX_STARRED):
                self.put(vararg, index - len(params), self.item(boxes, index))

    def pass_double_starred(
        self, fn: Function, names: set[str], values: Values, kwarg: ast.arg | None
    ) -> None:
        """`f(**values)`."""
        for value in values:
            if not isinstance(value, Box):
                continue
            places = self.places(value)
            for name in names if not places else names & set(places):
                self.learn(("param", fn, name), self.item_of_box(value, name))
            if kwarg is not None:
                self.merge(kwarg, frozenset({value}))

    @abstractmethod
    def call_external(
        self, path: str, node: ast.Call, args: list[Values], keywords: dict[str, Values], frame: Frame
    ) -> Values:
        """What a call of something outside the program returns."""

    @abstractmethod
    def call_parser(self, parser: Ext, keywords: dict[str, Values]) -> Values:
        """A call of a method of argparse's, which `parser` is."""

    @abstractmethod
    def get(self, getter: ast.Call, owners: Values, frame: Frame) -> Values:
        """A call of what `getter`, a call of `operator.attrgetter`, has made."""

    @abstractmethod
    def call_queue(self, queue: ast.AST, path: str, args: list[Values]) -> Values:
        """A method of a queue: what was put into it may come out."""

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
                            self.restructure()

    def registered_as(self, cls: Class) -> Iterable[Class]:
        """The generated servicers that instances of `cls` were added to a server as."""
        return self.registered.get(cls, ())

    def decorate(self, fn: Function, decorator: ast.expr, value: Values, frame: Frame) -> Values:
        """The value of `decorator(value)`; remembers what the decorator makes of the function."""
        roles = self.facts.roles.setdefault(fn, set())
        result: set[Value] = set()
        ours = False
        if isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "deleter"):
            # The property, with one function more.
            return self.eval(decorator.value, frame) or value
        for applied in self.eval(decorator, frame):
            if isinstance(applied, Ext):
                role = external.decorator_role(applied.path)
                if role is not None and role not in roles:
                    roles.add(role)
                    self.restructure()
            elif isinstance(applied, Func):
                ours = True
                self.pass_arguments(applied, None, [value], {})
                # What takes its function later, as `retry(times=3)` does, has it now.
                returned = frozenset(
                    v
                    for v in self.result(applied.fn, frame)
                    if not (isinstance(v, Func) and v.fn is applied.fn)
                )
                result |= self.wrapped(applied.fn, returned, value)
            elif isinstance(applied, Cls):
                result |= self.construct(applied.cls, None, [value], {})
            elif isinstance(applied, Inst) and (method := applied.cls.find_method("__call__")):
                self.pass_arguments(Func(method, 1), None, [value], {})
                result |= self.wrapped(method, self.result(method, frame), value)
        if isinstance(decorator, ast.Call):
            ours = ours or any(isinstance(maker, Func) for maker in self.facts.of(decorator.func))
        if ours and not result and fn not in self.undecorated:
            # What a decorator of the program returns may be learnt yet.
            self.undecided.add(fn)
            return NOTHING
        return frozenset(result) or value

    def give_up_decorators(self) -> None:
        """When nothing more is learnt: a decorator of which nothing is known gives back what it is given."""
        more = self.undecided - self.undecorated
        self.undecorated |= more
        self.dirty |= {fn.parent for fn in more if fn.parent is not None}

    def decorate_class(self, decorator: ast.expr, value: Values, frame: Frame) -> Values:
        """What `decorator(value)` makes of a class: as a rule the same, with more in it."""
        made: set[Value] = set()
        for applied in self.eval(decorator, frame):
            if isinstance(applied, Inst) and (method := applied.cls.find_method("__call__")):
                applied = Func(method, 1)
            if isinstance(applied, Func):
                self.pass_arguments(applied, None, [value], {})
                made |= self.result(applied.fn, frame)
            elif isinstance(applied, Cls):
                made |= self.construct(applied.cls, None, [value], {})
        return frozenset(made) or value

    def wrapped(self, decorator: Function, returned: Values, value: Values) -> Values:
        """What a decorator returned for `value`: wrappers that know what they wrap, of its colour."""
        inner = [v for v in value if isinstance(v, Func)]
        self.facts.wrapped.setdefault(decorator, set()).update(inner)
        found: set[Value] = set()
        twins: set[ast.AST | None] = set()
        for made in returned:
            known = self.wrapper_of(made.fn) if isinstance(made, Func) else None
            if known is None or not isinstance(made, Func) or not inner:
                found.add(made)
                continue
            twins.add(known.twin)
            self.facts.wrappers[made.fn] = known
            if made.fn.parent is not None:
                self.facts.wrapped.setdefault(made.fn.parent, set()).update(inner)
            found.update(
                replace(made, of=v)
                for v in inner
                if not (known.twin and v.fn.is_async and not v.fn.is_generator)
            )
        plain = not any(v.fn.is_async for v in inner)
        return frozenset(v for v in found if not (plain and isinstance(v, Func) and v.fn.node in twins))


def _makes_multi_callable(node: ast.Call) -> bool:
    """True for `x.unary_unary("/package.Service/Method", ...)`: only a channel is asked so."""
    path = node.args[0] if node.args else None
    return (
        isinstance(node.func, ast.Attribute)
        and node.func.attr in ARITIES
        and isinstance(path, ast.Constant)
        and isinstance(path.value, str)
        and path.value.startswith("/")
        and path.value.count("/") == 2
    )
