"""Handlers that an interceptor calls itself: a wrapper written for plain functions awaits nothing.

`reply = behavior(request, context)` around a handler that became a coroutine would find no reply in its
hands, and no analysis follows a behaviour through every table and closure. So the handlers of a server of
which an interceptor takes behaviours out of their `RpcMethodHandler` stay as they are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .external import INTERCEPTOR
from .generated import ARITIES, is_method_path
from .index import Class, Function, Program
from .infer import Facts
from .sites import Graph
from .values import Ext, Func, Inst, Obj


class Wrappers:
    """Which interceptors take behaviours out of handlers, and whose."""

    def __init__(self, program: Program, graph: Graph, facts: Facts) -> None:
        self.graph = graph
        self.facts = facts
        self.classes = {cls.node: cls for cls in program.classes()}
        self.wrapping: dict[Class | None, str] = {}
        """What wraps, by the interceptor's class; by None where any interceptor may use it."""
        self.servers: dict[Class, set[ast.AST | None]] = {}
        """The `grpc.server()` calls on whose server a servicer is registered; None is one not known."""
        for node in graph.parents:
            if isinstance(node, (ast.Attribute, ast.Call)):
                self.read(node)
                self.register(node)

    def read(self, node: ast.AST) -> None:
        """Remember a behaviour that is taken out of a handler."""
        if not self.takes_behavior(node):
            return
        cls, name = self.around(node)
        interceptor = cls is not None and INTERCEPTOR in cls.all_external_bases()
        self.wrapping.setdefault(cls if interceptor else None, name)

    def takes_behavior(self, node: ast.AST) -> bool:
        parent = self.graph.parents[node]
        if isinstance(node, ast.Attribute) and node.attr in ARITIES:
            looked_at = isinstance(parent, (ast.Compare, ast.If)) or (
                isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
            )
            of_channel = isinstance(parent, ast.Call) and parent.func is node and is_method_path(parent)
            owners = self.facts.of(node.value)
            unknown = not owners and not of_channel and self.beside_interceptor(node)
            return not looked_at and (unknown or any(_is_handler(value) for value in owners))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            return bool(node.args) and any(_is_handler(value) for value in self.facts.of(node.args[0]))
        return False

    def beside_interceptor(self, node: ast.AST) -> bool:
        """True in a class that is an interceptor."""
        cls, _ = self.around(node)
        return cls is not None and INTERCEPTOR in cls.all_external_bases()

    def around(self, node: ast.AST) -> tuple[Class | None, str]:
        """The class around a node, and the name of that or of the outermost function."""
        name = "in this run"
        place: ast.AST | None = node
        while place is not None:
            if isinstance(place, ast.ClassDef):
                return self.classes.get(place), place.name
            if isinstance(place, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = place.name
            place = self.graph.parents.get(place)
        return None, name

    def register(self, node: ast.AST) -> None:
        """Remember which servicer a call of `add_..._to_server` registers on which server."""
        if not isinstance(node, ast.Call) or not any(
            isinstance(value, Func) and value.fn.name in value.fn.module.adders
            for value in self.facts.of(node.func)
        ):
            return
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        given.update(zip(("servicer", "server"), node.args, strict=False))
        servers = {
            value.node
            for value in self.facts.of(given.get("server", node))
            if isinstance(value, Obj) and value.kind == "Server"
        }
        for value in self.facts.of(given.get("servicer", node)):
            if isinstance(value, Inst):
                self.servers.setdefault(value.cls, set()).update(servers - {None} or {None})

    def reason(self, handler: Function) -> tuple[str, str] | None:
        """The rule and the reason why a handler stays sync; None where no interceptor calls it."""
        classes = [handler.cls, *handler.cls.descendants()] if handler.cls else []
        servers = {server for cls in classes for server in self.servers.get(cls, ())}
        if not servers or None in servers:
            # Registered where nobody sees it: any server of the program may be the one.
            servers = {None, *self.facts.interceptors}
        found = {reason for server in servers for reason in self.reasons(server)}
        return min(found, default=None)

    def reasons(self, server: ast.AST | None) -> Iterator[tuple[str, str]]:
        interceptors = self.facts.interceptors.get(server) if server is not None else frozenset()
        if interceptors is None:
            return
        known: set[Class] = {value.cls for value in interceptors if isinstance(value, Inst)}
        mine = {None, *(ancestor for cls in known for ancestor in cls.ancestors())}
        for cls, name in self.wrapping.items():
            if cls in mine or not known:
                yield "GB706", f"the interceptor {name} calls it, and does not await it"
        for value in interceptors:
            if isinstance(value, Ext) and not value.path.startswith(("grpc.", "builtins.")):
                path = value.path.removesuffix("()")
                yield "GB710", f"the interceptor {path}, which is not in the run, may call it"


def _is_handler(value: object) -> bool:
    return isinstance(value, Obj) and value.kind == "RpcMethodHandler"
