"""Annotations in the abstract interpreter: what a variable so declared holds."""

from __future__ import annotations

import ast
from abc import ABC

from .. import _surface
from . import external
from .evaluate import Frame
from .index import dotted
from .libraries import LibraryEvaluator
from .values import NOTHING, Alias, Box, Cls, Ext, Inst, Maker, Obj, Record, RecordType, Value, Values

GRPC_CLASSES = {row.name for row in _surface.SURFACE if row.owner == "" and row.kind == "class"}
HAVE_MEMBERS = {row.owner for row in _surface.SURFACE}

SAME = frozenset({"Optional", "Union", "ClassVar", "Final", "Annotated", "Required", "NotRequired",
                  "ReadOnly", "InitVar"})  # fmt: skip
MANY = frozenset(
    {
        "List", "list", "Set", "set", "FrozenSet", "frozenset", "Deque", "deque", "Sequence",
        "MutableSequence", "Collection", "Iterable", "Iterator", "Generator", "AbstractSet", "MutableSet",
        "AsyncIterator", "AsyncIterable", "AsyncGenerator",
    }
)  # fmt: skip
MAPPINGS = frozenset(
    {"Dict", "dict", "Mapping", "MutableMapping", "DefaultDict", "defaultdict", "OrderedDict"}
)
MANAGERS = frozenset({"ContextManager", "AbstractContextManager", "AsyncContextManager",
                      "AbstractAsyncContextManager"})  # fmt: skip


class AnnotationEvaluator(LibraryEvaluator, ABC):
    """Annotations are read as far as they name one of ours, one of the program's, or a container of such."""

    def annotation(self, node: ast.expr, frame: Frame) -> Values:
        """What a variable so annotated holds, where that is one of ours or one of the program's."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            parsed = self.parsed(node, node.value)
            return self.annotation(parsed, frame) if parsed is not None else NOTHING
        if isinstance(node, ast.BinOp):
            return self.annotation(node.left, frame) | self.annotation(node.right, frame)
        if isinstance(node, ast.Subscript):
            return self.generic(node, frame)
        found: set[Value] = set()
        for value in self.eval(node, frame):
            if isinstance(value, Cls):
                found.add(Inst(value.cls))
            elif isinstance(value, RecordType):
                found.add(Record(value.node, value.names))
            elif isinstance(value, Alias):
                if value.node not in self.aliases:
                    # An alias may contain itself: `Json = Dict[str, "Json"]`.
                    self.aliases[value.node] = NOTHING
                    inner = Frame(value.scope, value.scope, None, {})
                    self.aliases[value.node] = self.annotation(value.node, inner)
                found |= self.aliases[value.node]
            elif isinstance(value, Ext) and value.path.startswith("grpc."):
                name = value.path.removeprefix("grpc.")
                if name in GRPC_CLASSES and name in HAVE_MEMBERS:
                    found.add(Obj(name))
            elif isinstance(value, Ext) and _names_class(value.path):
                mocker = value.path in external.MOCKERS
                found.add(external.MOCKER if mocker else Ext(f"{value.path}()"))
        return frozenset(found)

    def parsed(self, node: ast.Constant, text: str) -> ast.expr | None:
        """An annotation in quotes; the same nodes every time, for what is learnt is kept by node."""
        if node not in self.quoted:
            try:
                self.quoted[node] = ast.parse(text.strip(), mode="eval").body
            except (SyntaxError, ValueError):
                self.quoted[node] = None
        return self.quoted[node]

    def generic(self, node: ast.Subscript, frame: Frame) -> Values:
        """`Optional[Stub]`, `Dict[str, Stub]`, `Callable[[str], Stub]`."""
        name = dotted(node.value).rpartition(".")[2]
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if not parts:
            # `Tuple[()]`, a tuple of nothing.
            return NOTHING
        if name in SAME:
            first_only = name in ("Annotated", "Final", "ClassVar")
            return frozenset().union(
                *(self.annotation(part, frame) for part in parts[: 1 if first_only else None])
            )
        if name in ("Type", "type"):
            return frozenset(Cls(v.cls) for v in self.annotation(parts[0], frame) if isinstance(v, Inst))
        if name == "Callable":
            returned = self.annotation(parts[-1], frame)
            self.learn(("ret", node), returned)
            return frozenset({Maker(node)}) if returned else NOTHING
        if name in ("Tuple", "tuple") and not _is_ellipsis(parts[-1]):
            places = [self.annotation(part, frame) for part in parts]
            return self.tuple_of(node, places) if any(places) else NOTHING
        if name in (*MANY, *MAPPINGS, *MANAGERS, "Tuple", "tuple"):
            content = self.annotation(parts[1] if name in MAPPINGS and len(parts) > 1 else parts[0], frame)
            if not content:
                # A container of strangers says nothing, and what is iterated over stays what it is.
                return NOTHING
            self.learn(("elem", node), content)
            if name in MAPPINGS:
                return frozenset({Box(node, "dict")})
            return frozenset({Box(node, "held" if name in MANAGERS else "declared")})
        # `Holder[T]`, a class of the program.
        return self.annotation(node.value, frame)


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _names_class(path: str) -> bool:
    """True for the path of an external class that says something about its instances."""
    return (
        "." in path
        and "()" not in path
        and not path.startswith(("builtins.", "typing.", "collections.abc.", "functools."))
    )
