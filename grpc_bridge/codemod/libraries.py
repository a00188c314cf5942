"""Calls of what is not the program's: grpc's functions, builtins, and libraries that pass values on."""

from __future__ import annotations

import ast
from abc import ABC
from dataclasses import replace

from .. import _surface
from . import external
from .evaluate import ANY_NAME, MAX_PATH, Frame, constant
from .index import COMPILERS, Function, Module
from .lookups import LookupEvaluator
from .values import (
    CONTEXT,
    NOTHING,
    Box,
    Cls,
    Ext,
    Func,
    Getter,
    Inst,
    Maker,
    Mod,
    Obj,
    Record,
    RecordType,
    Value,
    Values,
)


class LibraryEvaluator(LookupEvaluator, ABC):
    """What such calls return, and what they pass on."""

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
            return self.call_builtin(name, node, args, keywords, frame)
        if path == "functools.partial":
            return self.partial(first, args[1:], keywords)
        if path == "functools.partialmethod":
            # `self` comes before what it is given.
            return self.partial(first, [NOTHING, *args[1:]], keywords)
        if path in external.IDENTITY:
            return first
        made = self.call_library(path, node, args, keywords, frame)
        if made is not None:
            return made
        result = f"{path}()"
        return frozenset({Ext(result)}) if len(result) < MAX_PATH else NOTHING

    def call_parser(self, parser: Ext, keywords: dict[str, Values]) -> Values:
        """A method of an `ArgumentParser`, or of what its methods return."""
        assert parser.node is not None
        if parser.path.endswith(f".{external.SET_DEFAULTS}"):
            for name, values in keywords.items():
                self.learn(("default", parser.node, name), values)
            return NOTHING
        path = f"{parser.path}()"
        return frozenset({Ext(path, parser.node)}) if len(path) < MAX_PATH else NOTHING

    def call_queue(self, queue: ast.AST, path: str, args: list[Values]) -> Values:
        """A method of a queue: what was put into it may come out."""
        if path.endswith((".put", ".put_nowait")) and args:
            self.put(queue, None, args[0])
        return self.known(("elem", queue)) if path.endswith((".get", ".get_nowait")) else NOTHING

    def partial(self, callees: Values, args: list[Values], keywords: dict[str, Values]) -> Values:
        found: set[Value] = set()
        for callee in callees:
            if isinstance(callee, Func):
                self.pass_arguments(callee, None, args, keywords)
                given = min(callee.given + len(args), len(callee.fn.params))
                found.add(Func(callee.fn, given, callee.of))
            else:
                found.add(callee)
        return frozenset(found)

    def grpc_function(self, name: str, node: ast.Call, frame: Frame) -> Values:
        row = _surface.member("", name)
        if row is None:
            return frozenset({Ext(external.BLOCKING)}) if name == "blocking" else NOTHING
        if name in COMPILERS:
            module = self.program.compiled.get(node)
            services: Values = frozenset({Mod(module) if module else Ext(external.UNKNOWN_SERVICES)})
            if name == "services":
                return services
            return self.tuple_of(node, [NOTHING, services])
        if row.kind != "function":
            return frozenset({Ext(f"grpc.{name}()")})
        if name == "server":
            self.note_interceptors(node)
            return frozenset({Obj("Server", None, node)})
        arity = name.removesuffix("_rpc_method_handler")
        if arity in _surface.MULTI_CALLABLES and node.args:
            for behavior in self.facts.of(node.args[0]):
                if isinstance(behavior, Func):
                    self.mark_handler(behavior.fn, arity, skip=behavior.given)
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

    def call_builtin(
        self, name: str, node: ast.Call, args: list[Values], keywords: dict[str, Values], frame: Frame
    ) -> Values:
        first = args[0] if args else NOTHING
        if name == "iter" and len(args) == 1:
            return first
        if name == "iter" and args:
            return self.box(node, self.call_values(first, node, [], {}, frame))
        if name in ("next", "anext", "min", "max"):
            return self.elements(first)
        if name in external.COLLECTORS:
            return self.box(node, self.elements(first))
        if name == "filter" and len(args) > 1:
            return self.box(node, self.elements(args[1]))
        if name == "zip":
            return self.box(node, self.tuple_of(node.func, [self.elements(values) for values in args]))
        if name == "enumerate":
            return self.box(node, self.tuple_of(node.func, [NOTHING, self.elements(first)]))
        if name == "map" and len(args) > 1:
            made = frozenset(c for c in first if isinstance(c, (Cls, Func)))
            given = [self.elements(a) for a in args[1:]]
            return self.box(node, self.call_values(made, node, given, {}, frame))
        if name == "dict":
            return self.make_dict(node, first, keywords)
        if name == "getattr" and len(node.args) > 1:
            return self.look_up(node, first, frame) | (args[2] if len(args) > 2 else NOTHING)
        if name == "setattr" and len(args) > 2:
            place = constant(node.args[1])
            self.set_attribute(first, place if isinstance(place, str) else ANY_NAME, args[2])
        if (
            name in ("globals", "vars", "locals")
            and not args
            and (name == "globals" or frame.scope.kind == "module")
        ):
            return frozenset({Mod(frame.scope.module)})
        if name == "vars" and args:
            return self.attribute(node, first, "__dict__", frame)
        if name == "property":
            functions = {value.fn for value in first if isinstance(value, Func)}
            self.facts.getters |= functions
            return frozenset(Getter(fn) for fn in functions)
        if name == "staticmethod":
            return first
        if name == "classmethod":
            return frozenset(Func(v.fn, v.given + 1, v.of) if isinstance(v, Func) else v for v in first)
        if name == "type" and len(args) == 3:
            # A class of no text of its own: what it has is found where it is looked for.
            bases = frozenset(value for value in self.elements(args[1]) if isinstance(value, Cls))
            for box in args[2]:
                if isinstance(box, Box):
                    for place in self.places(box):
                        self.set_attribute(bases, place, self.item_of_box(box, place))
            return bases
        if name == "type" and len(args) == 1:
            return frozenset(Cls(value.cls) for value in first if isinstance(value, Inst))
        return NOTHING

    def make_dict(self, node: ast.Call, first: Values, keywords: dict[str, Values]) -> Values:
        """`dict(...)` and what else is called like it."""
        self.merge(
            node, frozenset(value for value in first if isinstance(value, Box) and value.kind == "dict")
        )
        pairs = self.elements(frozenset(v for v in first if not (isinstance(v, Box) and v.kind == "dict")))
        self.put(node, None, self.item(pairs, 1))
        for name, values in keywords.items():
            self.put(node, None if name == "**" else name, values)
        return frozenset({Box(node, "dict")})

    def set_attribute(self, owners: Values, name: str, values: Values) -> None:
        """`owner.name = values`."""
        for owner in owners:
            if isinstance(owner, (Inst, Cls)):
                self.learn(("attr", owner.cls, name), values)
            elif isinstance(owner, Mod):
                self.learn(("var", owner.module.top, name), values)
            elif isinstance(owner, Record):
                self.put(owner.node, name, values)
            elif isinstance(owner, Ext) and owner.path in external.CONTEXTS:
                self.put(CONTEXT, name, values)

    def call_library(
        self, path: str, node: ast.Call, args: list[Values], keywords: dict[str, Values], frame: Frame
    ) -> Values | None:
        """What libraries make that holds values of ours; None where nothing is known of `path`."""
        first = args[0] if args else NOTHING
        if path in external.RECORDS:
            for name, values in keywords.items():
                self.put(node, name, values)
            return frozenset({Record(node)})
        if path == "collections.namedtuple":
            return frozenset({RecordType(node, _names(node))})
        if path in external.FIELDS:
            made = keywords.get("default", NOTHING)
            factories = keywords.get("default_factory", NOTHING) | keywords.get("factory", NOTHING)
            given = [k.value for k in node.keywords if k.arg in ("default_factory", "factory")]
            return made | self.from_factory(given, factories, node, frame)
        if path == external.SETS_ATTRIBUTE and len(args) > 2:
            place = constant(node.args[1])
            self.set_attribute(first, place if isinstance(place, str) else ANY_NAME, args[2])
        if path == "dataclasses.replace":
            for name, values in keywords.items():
                self.set_attribute(first, name, values)
            return first
        if path == "collections.defaultdict":
            self.put(node, None, self.from_factory(node.args[:1], first, node, frame))
            return self.make_dict(node, args[1] if len(args) > 1 else NOTHING, keywords)
        if path in external.DICTS:
            return self.make_dict(node, first, keywords)
        if path in external.HOLDERS:
            self.learn(("elem", node), self.elements(first))
            return frozenset({Box(node)})
        if path == external.PARSER:
            return frozenset({Ext(f"{path}()", node)})
        if path in external.PRIMITIVES or path in external.MOCKS or path == external.PASSES_CLASS:
            itself: Values = frozenset({Ext(f"{path}()", node)})
            if "patch" in path and external.makes_mock(node):
                self.set_patched(node, first, itself, frame)
            return itself
        if path in external.RESHUFFLES:
            together = frozenset().union(*args)
            if path.endswith("from_iterable"):
                together = self.elements(together)
            return self.box(node, self.elements(together))
        if path in external.PICKS:
            return self.elements(first)
        if path == "operator.methodcaller" and node.args:
            return self.methods_called(str(constant(node.args[0])))
        if path == external.GETTER:
            return frozenset({Ext(f"{path}()", node)})
        if path in ("contextlib.closing", "contextlib.nullcontext"):
            self.learn(("elem", node), first)
            return frozenset({Box(node, "held")})
        if path.endswith(external.ENTERS):
            return self.enter(first)
        if path == "weakref.ref":
            self.learn(("ret", node), first)
            return frozenset({Maker(node)})
        if path.endswith(".cast") and len(args) > 1:
            return self.annotation(node.args[0], frame) | args[1]
        if path == "importlib.import_module" and node.args:
            texts = self.texts(node.args[0], frame) or ()
            modules = {text: self.program.resolve(frame.scope.module, text) for text in texts}
            return frozenset(Mod(found) if found else Ext(text) for text, found in modules.items()) or None
        if path.endswith(".NewType"):
            return args[1] if len(args) > 1 else NOTHING
        if path.endswith(".TypeVar") and "bound" in keywords:
            return keywords["bound"]
        return None

    def set_patched(self, patch: ast.Call, first: Values, mock: Values, frame: Frame) -> None:
        """`patch.object(owner, "name")`, `patch("module.Class.name")`."""
        places = [constant(argument) for argument in patch.args[:2]]
        if len(places) == 2:
            self.set_attribute(first, str(places[1]), mock)
        elif places and isinstance(places[0], str):
            head, _, name = places[0].rpartition(".")
            owner = self.program.lookup(frame.scope.module, head)
            if owner is not None:
                found = Mod(owner) if isinstance(owner, Module) else Cls(owner)
                self.set_attribute(frozenset({found}), name, mock)

    def from_factory(self, given: list[ast.expr], factories: Values, node: ast.Call, frame: Frame) -> Values:
        """What calls of `factories` return, which `node` is given as `given`.

        A queue or a container is known by that: it is in what `node` makes, and not the same.
        """
        made = self.call_values(factories, node, [], {}, frame)
        return frozenset(
            replace(value, node=given[0])
            if isinstance(value, (Ext, Box)) and value.node is node and given
            else value
            for value in made
        )


def _names(node: ast.Call) -> tuple[str, ...]:
    """The fields that a call of `namedtuple` names."""
    fields = node.args[1] if len(node.args) > 1 else None
    if isinstance(fields, ast.Constant) and isinstance(fields.value, str):
        return tuple(fields.value.replace(",", " ").split())
    elements = fields.elts if isinstance(fields, (ast.List, ast.Tuple)) else []
    return tuple(str(e.value) for e in elements if isinstance(e, ast.Constant))


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, (ast.List, ast.Tuple)) and not node.elts
