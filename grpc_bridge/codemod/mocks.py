"""Mocks that stand for stubs: which of their methods a coroutine calls, and what it does with the answer."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Literal

from . import external
from .index import Function, Program, own_nodes
from .infer import Facts
from .values import Ext, Obj

Answer = Literal["awaited", "iterated"]
OWN_METHODS = ("assert_", "reset_mock", "configure_mock", "attach_mock", "mock_add_spec")
SETTINGS = frozenset({"return_value", "side_effect"})


class Mocks:
    """The mocks of a program by the path that leads to them."""

    def __init__(self, program: Program, facts: Facts) -> None:
        self.facts = facts
        self.answers: dict[Ext, set[Answer]] = {}
        """What is done with the answers of a mocked method."""
        self.callers: dict[Ext, set[Function]] = {}
        """Who calls a mocked method."""
        self.others: set[ast.AST] = set()
        """Mocks that the program calls otherwise too, by where they are made."""
        self.stubs: dict[str, Mapping[str, str]] = {
            cls.name: cls.stub_methods for cls in program.classes() if cls.stub_methods
        }
        for fn in program.functions():
            for node in own_nodes(fn) if not fn.module.source.generated else ():
                if isinstance(node, ast.Call):
                    self.read(node, fn)

    def read(self, call: ast.Call, fn: Function) -> None:
        values = self.facts.of(call.func)
        mocked = [value for value in values if isinstance(value, Ext) and external.is_mock(value)]
        if not mocked:
            return
        kinds = {value.kind for value in values if isinstance(value, Obj)}
        for value in mocked:
            if kinds:
                self.answers.setdefault(value, set()).update(map(answer, kinds))
                self.callers.setdefault(value, set()).add(fn)
            elif value.node is not None and not value.path.rpartition(".")[2].startswith(OWN_METHODS):
                self.others.add(value.node)

    def of(self, node: ast.expr) -> list[Ext]:
        return [value for value in self.facts.of(node) if isinstance(value, Ext) and external.is_mock(value)]

    def answer(self, node: ast.expr) -> Answer | None:
        """What is done with what a mocked method answers, if `node` is one and all agree."""
        found = {a for value in self.of(node) for a in self.answers.get(value, self.patched(value))}
        return found.pop() if len(found) == 1 else None

    def callers_of(self, node: ast.expr) -> set[Function]:
        """Who calls the mocked method that `node` is; nobody is known to call what a patch put there."""
        return {fn for value in self.of(node) for fn in self.callers.get(value, ())}

    def patched(self, value: Ext) -> set[Answer]:
        """The same for a method of what `patch("module.Stub")` puts in the stub's place."""
        head, _, method = value.path.rpartition(".return_value.")
        if not head.endswith(("patch()", "patch.object()")) or not isinstance(value.node, ast.Call):
            return set()
        named = [a.value for a in value.node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        arity = self.stubs.get(named[-1].rpartition(".")[2], {}).get(method) if named else None
        return {"iterated" if arity.endswith("_stream") else "awaited"} if arity else set()

    def methods(self, made: ast.AST) -> dict[Ext, set[Answer]]:
        """What is done with the answers of each method of one mock."""
        return {value: answers for value, answers in self.answers.items() if value.node is made}


def answer(kind: str) -> Answer:
    return "iterated" if kind.endswith("StreamMultiCallable") else "awaited"
