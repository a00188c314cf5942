"""Mocks: which of their methods a coroutine calls in place of an RPC, and what it does with the answer."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, TypeGuard

from . import external
from .index import Function, Program, dotted, own_nodes
from .infer import Facts
from .values import Ext, Func, Obj

if TYPE_CHECKING:
    from .waiting import Colours

Answer = Literal["awaited", "iterated", "plain"]
OWN_METHODS = ("assert_", "reset_mock", "configure_mock", "attach_mock", "mock_add_spec")
MAKERS = frozenset({"unittest.mock.Mock", "unittest.mock.MagicMock", "mock.Mock", "mock.MagicMock"})
SETTINGS = frozenset({"return_value", "side_effect"})


class Mocks:
    """The mocks of a program by the path that leads to them."""

    def __init__(self, program: Program, facts: Facts) -> None:
        self.facts = facts
        self.rpcs: dict[Ext, set[Answer]] = {}
        """What is done with the answers of mocked methods of stubs."""
        self.functions: dict[Ext, set[Function]] = {}
        """The functions of the program in whose place a mock is called."""
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
        functions = {self.facts.target(value) for value in values if isinstance(value, Func)}
        for value in mocked:
            if kinds or functions:
                self.rpcs.setdefault(value, set()).update(map(answer, kinds))
                self.functions.setdefault(value, set()).update(functions)
                self.callers.setdefault(value, set()).add(fn)
            elif value.node is not None and not value.path.rpartition(".")[2].startswith(OWN_METHODS):
                self.others.add(value.node)

    def of(self, node: ast.expr) -> list[Ext]:
        return [value for value in self.facts.of(node) if isinstance(value, Ext) and external.is_mock(value)]

    def answer(self, mocks: Iterable[Ext], colours: Colours) -> Answer | None:
        """What is done with what a mocked method answers, if all agree."""
        found = {a for value in mocks for a in self.answers(value, colours) or self.patched(value)}
        return found.pop() if len(found) == 1 else None

    def answers(self, value: Ext, colours: Colours) -> set[Answer]:
        """The same of one mock, by the colours that come out."""
        ours = (answer_of(fn, colours) for fn in self.functions.get(value, ()))
        return {*self.rpcs.get(value, ()), *ours}

    def callers_of(self, mocks: Iterable[Ext]) -> set[Function]:
        """Who calls a mocked method; nobody is known to call what a patch put there."""
        return {fn for value in mocks for fn in self.callers.get(value, ())}

    def patched(self, value: Ext) -> set[Answer]:
        """The same for a method of what `patch("module.Stub")` puts in the stub's place."""
        head, _, method = value.path.rpartition(".return_value.")
        if not head.endswith(("patch()", "patch.object()")) or not isinstance(value.node, ast.Call):
            return set()
        named = [a.value for a in value.node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        arity = self.stubs.get(named[-1].rpartition(".")[2], {}).get(method) if named else None
        return {"iterated" if arity.endswith("_stream") else "awaited"} if arity else set()

    def methods(self, made: ast.AST, colours: Colours) -> dict[Ext, set[Answer]]:
        """What is done with the answers of each method of one mock."""
        return {value: self.answers(value, colours) for value in self.callers if value.node is made}

    def whole(self, made: ast.AST | None, colours: Colours) -> bool:
        """True for `Mock()`, all of whose methods are awaited and nothing of which is called otherwise."""
        if not self.is_made(made) or has_spec(made) or made in self.others:
            return False
        methods = self.methods(made, colours).values()
        return bool(methods) and all(answers == {"awaited"} for answers in methods)

    def is_made(self, node: ast.AST | None) -> TypeGuard[ast.Call]:
        """True for `Mock()` and `MagicMock()`."""
        return isinstance(node, ast.Call) and any(
            isinstance(v, Ext) and v.path in MAKERS for v in self.facts.of(node.func)
        )

    def is_plain(self, methods: Iterable[Ext], colours: Colours) -> bool:
        """True for methods of a `Mock()` that stays one, since others than coroutines call it too."""
        for made in {value.node for value in methods}:
            callers = (
                {colours.is_async(fn) for fn in self.callers_of(self.methods(made, colours))} if made else {}
            )
            if self.is_made(made) and dotted(made.func).rpartition(".")[2] == "Mock" and callers != {True}:
                return True
        return False

    def is_asynchronous(self, value: Ext, colours: Colours) -> bool:
        """True for a method of such a mock; and of one whose spec says that the method is a coroutine."""
        by_spec = isinstance(value.node, ast.Call) and has_spec(value.node) and not self.rpcs.get(value)
        return by_spec or self.whole(value.node, colours)


def is_patch(value: Ext) -> bool:
    """True for what a patch puts in the place of one function or object."""
    return value.path.endswith(("patch()", "patch.object()"))


def has_spec(made: ast.Call) -> bool:
    """True for a mock that knows what it stands for, and so which of its methods are coroutines."""
    if any(k.arg in ("spec", "spec_set", "autospec") for k in made.keywords):
        return True
    name = dotted(made.func)
    return name.endswith("create_autospec") or (bool(made.args) and "patch" not in name)


def answer(kind: str) -> Answer:
    return "iterated" if kind.endswith("StreamMultiCallable") else "awaited"


def answer_of(fn: Function, colours: Colours) -> Answer:
    """What is done with what a function of the program returns."""
    if not colours.is_async(fn):
        return "plain"
    return "iterated" if fn.is_generator else "awaited"
