"""What the abstract interpreter has learnt, and who is to be evaluated again when more is learnt."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from .decorators import Wrapper, wrapper
from .index import Class, Function, Module, Program
from .values import NOTHING, Alias, Cls, Inst, Values

if TYPE_CHECKING:
    from .infer import Facts

MemberKey = tuple[Literal["member"], Inst | Cls, str, bool]
"""An attribute of a class or its instances; with True, of the classes above it only."""

Key = (
    tuple[str, Function]
    | tuple[str, ast.AST]
    | tuple[str, Function, str]
    | tuple[str, Class, str]
    | tuple[str, ast.AST, int | str]
    | MemberKey
)
MAX_VALUES = 48


class Environment:
    """Values by what they are values of: a variable, a parameter, a return, an attribute, an element."""

    def __init__(self, program: Program, facts: Facts) -> None:
        self.program = program
        self.facts = facts
        self.env: dict[Key, Values] = {}
        self.blurred: set[Key] = set()
        self.readers: dict[Key, set[Function]] = {}
        self.derived: dict[Key, Values] = {}
        """What was put together of other values, until one of those grows."""
        self.read_through: dict[MemberKey, set[Function]] = {}
        """The properties that are read where an attribute is asked for."""
        self.delegating: set[MemberKey] = set()
        """The attributes that are being asked of what others stand for."""
        self.deriving: Key | None = None
        self.followers: dict[Key, set[Key]] = {}
        """What was derived from a value."""
        self.dirty: set[Function] = set()
        self.structure_changed = False
        self.unit: Function | None = None
        self.submodules: dict[tuple[Module, str], Module] = {}
        self.registered: dict[Class, set[Class]] = {}
        self.found_elsewhere: set[tuple[Module, str]] = set()
        """Names of a module that another import of the same `try` binds to something of the program."""
        self.aliases: dict[ast.expr, Values] = {}
        """What type aliases say, as far as the function that is being evaluated asked."""
        self.called: set[Alias] = set()
        """The generic types that are being called."""
        self.undecided: set[Function] = set()
        """Functions of which it is not known yet what a decorator of the program makes of them, ..."""
        self.undecorated: set[Function] = set()
        """... and those of which that will never be known."""
        self.wanted: dict[Function, set[str]] = {}
        """The parameters of which somebody asks what texts they are."""
        self.spelled: set[tuple[Function, ast.Call]] = set()
        """The calls of which those texts were learnt."""
        self.shapes: dict[Function, Wrapper | None] = {}
        """What functions are as wrappers, as far as that was asked."""
        self.quoted: dict[ast.Constant, ast.expr | None] = {}
        """Annotations in quotes, parsed."""

    def wrapper_of(self, fn: Function) -> Wrapper | None:
        if fn not in self.shapes:
            self.shapes[fn] = wrapper(fn)
        return self.shapes[fn]

    def known(self, key: Key) -> Values:
        if self.deriving is not None:
            self.followers.setdefault(key, set()).add(self.deriving)
        elif self.unit is not None:
            self.readers.setdefault(key, set()).add(self.unit)
        return self.env.get(key, NOTHING)

    def derive(self, key: Key, compute: Callable[[], Values]) -> Values:
        """What `compute` makes of what is known, computed once for all who ask by this key.

        It is computed again, and who asked is evaluated again, when something has grown that it read.
        """
        if self.unit is not None:
            self.readers.setdefault(key, set()).add(self.unit)
        if key not in self.derived:
            around, self.deriving = self.deriving, key
            self.derived[key] = compute()
            self.deriving = around
        return self.derived[key]

    def restructure(self) -> None:
        """A base class or what a decorator makes of a function is learnt: anything may depend on it."""
        self.structure_changed = True
        self.derived.clear()

    def learn(self, key: Key, values: Values) -> None:
        before = self.env.get(key, NOTHING)
        if not values <= before and key not in self.blurred:
            after = before | values
            if len(after) > MAX_VALUES and key[0] != "all":
                # What may be this many things is known to be nothing in particular.
                self.blurred.add(key)
                after = NOTHING
            self.env[key] = after
            self.dirty |= self.readers.get(key, set())
            for follower in self.followers.pop(key, ()):
                if self.derived.pop(follower, None) is not None:
                    self.dirty |= self.readers.get(follower, set())

    def record(self, node: ast.AST, values: Values) -> Values:
        before = self.facts.values.get(node, NOTHING)
        if not values <= before:
            self.facts.values[node] = before | values
        return values
