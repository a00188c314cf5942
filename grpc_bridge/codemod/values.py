"""The abstract values that inference moves through a program: what an expression may be at run time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .index import Class, Function, Module


@dataclass(frozen=True)
class Ext:
    """Something outside the program, by the path that leads to it: `threading.Lock()`."""

    path: str
    node: ast.AST | None = None
    """For a queue, a lock, a thread: the call that made it. What one is given comes out of no other."""


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
    """A function of the program, of whose parameters the first `given` have their arguments already."""

    fn: Function
    given: int = 0
    of: Func | None = None
    """For a wrapper that a decorator of the program returned: what it wraps."""
    guessed: bool = False
    """One of all those that a name may mean of which nothing is known."""

    def layers(self) -> Iterator[Func]:
        """Itself, what it wraps, and so on."""
        inner: Func | None = self
        while inner is not None:
            yield inner
            inner = inner.of


@dataclass(frozen=True)
class Getter:
    """What `property(function)` makes."""

    fn: Function


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


BoxKind = Literal["list", "tuple", "dict", "items", "pair", "held", "declared"]


@dataclass(frozen=True)
class Box:
    """A container, by the expression that makes it; what is in it is kept in the environment.

    A `tuple` has its places, a `dict` its values, which `items` gives in `pair`s; what a context manager
    gives when it is entered is `held`; what is only annotated as iterable is `declared`.
    """

    node: ast.AST
    kind: BoxKind = "list"


@dataclass(frozen=True)
class BoxMember:
    """A method of a container, not yet called."""

    box: Box
    name: str


@dataclass(frozen=True)
class Record:
    """A namedtuple, a namespace: something with fields that no class of the program declares."""

    node: ast.AST
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordType:
    """What `namedtuple()` returns."""

    node: ast.AST
    names: tuple[str, ...]


@dataclass(frozen=True)
class Maker:
    """Something annotated `Callable[..., T]`: what a call of it returns is known."""

    node: ast.AST


@dataclass(frozen=True)
class Alias:
    """A type that is not a class, `List[Stub]`: it says something where it annotates."""

    node: ast.expr
    scope: Function


@dataclass(frozen=True)
class Super:
    cls: Class


Value = (
    Ext | Mod | Cls | Inst | Func | Getter | Obj | MemberOf | Gen | Manager | Coro
    | Box | BoxMember | Record | RecordType | Maker | Alias | Super
)  # fmt: skip
Values = frozenset[Value]
NOTHING: Values = frozenset()
CONTEXT = ast.Pass()
"""Where the fields are kept of what click hands from command to command: there is one for all."""
