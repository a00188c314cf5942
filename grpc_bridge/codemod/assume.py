"""Stubs of which neither generated code nor a .proto file is in reach: which methods stream is read from use.

Only what every use agrees on is taken for so, and said in the report; of any other method nothing is known,
and what calls it stays sync.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import external, protofile
from .index import Program
from .indexing import add
from .values import Box, Ext, Gen

if TYPE_CHECKING:
    from .infer import Facts

READERS = frozenset({"next", "anext", "iter", "enumerate", "zip", "map", "filter"}) | external.CONSUMERS
OF_CALLS = frozenset(
    {
        "cancel", "code", "details", "initial_metadata", "trailing_metadata", "result", "exception", "done",
        "is_active", "time_remaining", "add_callback", "add_done_callback", "debug_error_string",
    }
)  # fmt: skip
"""Methods of what a streaming call returns; a message has no methods of its own."""


def assume(program: Program, facts: Facts) -> bool:
    """Stand modules in for those that are missing; True where that may teach inference something."""
    return _Assumptions(program, facts).make()


class _Assumptions:
    def __init__(self, program: Program, facts: Facts) -> None:
        self.program = program
        self.facts = facts
        self.parents: dict[ast.AST, ast.AST] = {}

    def make(self) -> bool:
        uses = self.uses()
        found: dict[str, dict[str, dict[str, str]]] = {}
        for path, nodes in uses.items():
            arity = self.arity(nodes)
            if arity is not None:
                name, stub, method = _split(path)
                found.setdefault(name, {}).setdefault(stub.removesuffix("Stub"), {})[method] = arity
                for node in nodes:
                    self.note(node, stub, method, arity)
        for name, services in found.items():
            module = add(self.program, protofile.source_of(f"<{name}>", services), in_run=False)
            self.program.elsewhere[name] = module
        return bool(found)

    def uses(self) -> dict[str, list[ast.Attribute]]:
        """Where each method of an unknown stub is asked for, by the path that leads to it."""
        found: dict[str, list[ast.Attribute]] = {}
        for node, values in self.facts.values.items():
            if not isinstance(node, ast.Attribute):
                continue
            for value in values:
                if (
                    isinstance(value, Ext)
                    and external.is_unknown_stub(value.path)
                    and _split(value.path)[0].endswith("_pb2_grpc")
                    and value.path.endswith(f".{node.attr}")
                ):
                    found.setdefault(value.path, []).append(node)
        if found:
            for module in self.program.modules.values():
                for parent in ast.walk(module.source.tree):
                    for child in ast.iter_child_nodes(parent):
                        self.parents[child] = parent
        return found

    def note(self, node: ast.Attribute, stub: str, method: str, arity: str) -> None:
        many = "a stream of responses" if arity.endswith("stream") else "one response"
        self.program.assumed[node] = (
            f"{method} of {stub} is taken to give {many}, as it is used; its generated code is not in reach"
        )

    def arity(self, nodes: list[ast.Attribute]) -> str | None:
        """What all uses of a method agree on; None where none says anything, or two disagree."""
        evidence = {found for node in nodes for found in self.evidence(node)}
        if len(evidence) != 1:
            return None
        streams = any(self.gives_stream(node) for node in nodes)
        return f"{'stream' if streams else 'unary'}_{evidence.pop()}"

    def gives_stream(self, node: ast.Attribute) -> bool:
        """True where a method is called with an iterator."""
        call = self.parents.get(node)
        if not (isinstance(call, ast.Call) and call.func is node and call.args):
            return False
        first = call.args[0]
        return isinstance(first, (ast.GeneratorExp, ast.List, ast.ListComp)) or any(
            isinstance(value, (Gen, Box)) for value in self.facts.of(first)
        )

    def evidence(self, node: ast.Attribute) -> Iterator[str]:
        """`unary` or `stream`, for what the method gives back."""
        parent = self.parents.get(node)
        if isinstance(parent, ast.Attribute):
            if parent.attr in ("with_call", "future"):
                yield "unary"
        elif isinstance(parent, ast.Call) and parent.func is node:
            yield from self.of_value(parent)

    def of_value(self, node: ast.expr) -> Iterator[str]:
        """What becomes of the value of an expression."""
        parent = self.parents.get(node)
        if isinstance(parent, ast.Await):
            yield "unary"
        elif isinstance(parent, ast.Expr):
            # Nobody opens a stream to throw it away.
            yield "unary"
        elif isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)):
            yield from ("stream",) if parent.iter is node else ()
        elif isinstance(parent, (ast.YieldFrom, ast.Starred)):
            yield "stream"
        elif isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and node in parent.args:
            yield from ("stream",) if parent.func.id in READERS else ()
        elif isinstance(parent, ast.Attribute):
            called = self.parents.get(parent)
            of_call = isinstance(called, ast.Call) and called.func is parent and parent.attr in OF_CALLS
            yield "stream" if of_call else "unary"
        elif isinstance(parent, ast.Assign) and parent.value is node:
            for target in parent.targets:
                if isinstance(target, ast.Name):
                    yield from self.of_name(target)

    def of_name(self, target: ast.Name) -> Iterator[str]:
        """What becomes of a variable, in the function that binds it."""
        scope: ast.AST | None = target
        while scope is not None and not isinstance(
            scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)
        ):
            scope = self.parents.get(scope)
        for node in ast.walk(scope) if scope is not None else ():
            if isinstance(node, ast.Name) and node.id == target.id and isinstance(node.ctx, ast.Load):
                yield from self.of_value(node)


def _split(path: str) -> tuple[str, str, str]:
    """`a.b_pb2_grpc.GreeterStub().Hi` as module, stub and method."""
    head, _, method = path.rpartition(".")
    module, _, stub = head.removesuffix("()").rpartition(".")
    return module, stub, method
