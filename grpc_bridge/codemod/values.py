"""The abstract values that inference moves through a program: what an expression may be at run time."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .index import Class, Function, Module


@dataclass(frozen=True)
class Ext:
    """Something outside the program, by the path that leads to it: `threading.Lock()`."""

    path: str


@dataclass(frozen=True)
class Mod:
    module: Module


@dataclass(frozen=True)
class Cls:
    cls: Class


@dataclass(frozen=True)
class Inst:
    cls: Class


@dataclass(frozen=True)
class Func:
    """A function of the program; `bound` says that its first parameter is already given."""

    fn: Function
    bound: bool


@dataclass(frozen=True)
class Obj:
    """One of gRPC's objects, by its class in the surface table; `origin` is the function that made it."""

    kind: str
    origin: Function | None = None
    node: ast.AST | None = None
    """For a server: the call that made it."""


@dataclass(frozen=True)
class MemberOf:
    """A method of one of gRPC's objects, not yet called."""

    owner: Obj
    name: str


@dataclass(frozen=True)
class Gen:
    """What a call of a generator function returns."""

    fn: Function


@dataclass(frozen=True)
class Manager:
    """What a call of a @contextmanager function returns."""

    fn: Function


@dataclass(frozen=True)
class Coro:
    """What a call of a function that is already `async def` returns."""

    fn: Function


@dataclass(frozen=True)
class Box:
    """A container, by the expression that makes it; its elements are kept in the environment."""

    node: ast.AST
    indexed: bool = False


@dataclass(frozen=True)
class BoxMember:
    box: Box
    name: str


@dataclass(frozen=True)
class Super:
    cls: Class


Value = Ext | Mod | Cls | Inst | Func | Obj | MemberOf | Gen | Manager | Coro | Box | BoxMember | Super
Values = frozenset[Value]
NOTHING: Values = frozenset()
