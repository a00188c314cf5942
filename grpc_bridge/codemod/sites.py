"""What the call graph is made of: the kinds of places at which a function does something of interest."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import _surface
from . import external
from .index import Class, Function
from .values import Inst, Values

if TYPE_CHECKING:
    from .mocks import Mocks


@dataclass(eq=False)
class Site:
    """A place in `fn`; `locked` where a threading lock is held there."""

    node: ast.AST
    fn: Function
    locked: bool
    generator: ast.GeneratorExp | None
    """The generator expression around the place, whose body runs later and elsewhere."""


@dataclass(eq=False)
class CallSite(Site):
    node: ast.Call
    rows: list[_surface.Member] = field(default_factory=list)
    """grpcio members that this call may be and that are awaited in a coroutine."""
    kinds: set[str] = field(default_factory=set)
    origins: set[Function] = field(default_factory=set)
    callees: set[Function] = field(default_factory=set)
    plain: bool = False
    """It may also be something that nobody awaits."""
    awaited: bool = False
    given: bool = False
    """It stands where asyncio is given what it waits for."""
    unknown: bool = False
    """It is an RPC, and whether it streams is not known."""
    discarded: bool = False
    """The call is a statement of its own: nobody looks at its value."""
    threaded: ast.expr | None = None
    """The callee in `await asyncio.to_thread(callee, ...)`, or the lambda that calls it."""

    expected: ast.expr | None = None
    """The callee in `self.assertRaises(ValueError, callee, ...)`."""

    picked: bool = False
    """It calls one of several functions of the program, whichever argparse has found in the command line."""

    @property
    def intrinsic(self) -> bool:
        return any(row.blocks for row in self.rows)


@dataclass(eq=False)
class IterateSite(Site):
    form: str = "for"
    iterable: ast.expr | None = None
    owner: ast.AST | None = None
    origins: set[Function] = field(default_factory=set)
    stream: bool = False
    callees: set[Function] = field(default_factory=set)
    groups: list[frozenset[Function]] = field(default_factory=list)
    """The callees by what is iterated over: of each, one has to wait."""
    plain: bool = False
    generators: list[ast.GeneratorExp] = field(default_factory=list)
    """Generator expressions of the function that are iterated over by the names of variables."""
    adapters: list[ast.Call] = field(default_factory=list)
    """`enumerate`, `zip` and the like between the stream and who reads it, outermost first."""


@dataclass(eq=False)
class WithSite(Site):
    node: ast.With
    item: int = 0
    channel: bool = False
    callees: set[Function] = field(default_factory=set)
    groups: list[frozenset[Function]] = field(default_factory=list)
    """The callees by what is entered: of each, one has to wait."""
    plain: bool = False


@dataclass(eq=False)
class ReadSite(Site):
    """Python itself calls a method of the program: a property is read, two things are compared."""

    callees: set[Function] = field(default_factory=set)
    truth: bool = False
    """It is asked whether the node is true."""
    stores: bool = False
    """Something is put there, or taken away."""


@dataclass(eq=False)
class WaitSite(Site):
    """An external call that waits: `how` says what a coroutine does about it."""

    how: str = "thread"
    path: str = ""


@dataclass(eq=False)
class HandSite(Site):
    """A function, multi-callable or stream is handed to code that is not in the program."""

    sink: external.Sink | None = None
    functions: set[Function] = field(default_factory=set)
    origins: set[Function] = field(default_factory=set)
    multi: bool = False
    to: str = ""
    generators: set[Function] = field(default_factory=set)
    """Of the functions, those of which a generator is handed over."""
    sorts: bool = False
    """What the function returns is what something is sorted by."""


LockKey = tuple[object, str]
"""A lock by where it is kept: a class or a module, and the name there."""


@dataclass(eq=False)
class LockSite(Site):
    """A `with` takes a threading lock; `inside` are the places where it is held."""

    key: LockKey | None = None
    inside: list[Site] = field(default_factory=list)


@dataclass
class Graph:
    sites: dict[Function, list[Site]] = field(default_factory=dict)
    creators: set[Function] = field(default_factory=set)
    iterators: set[Function] = field(default_factory=set)
    """`__iter__` methods that return streams."""
    returned: dict[Function, set[Function]] = field(default_factory=dict)
    """The generators of which `__iter__` methods return one."""
    sent: dict[Function, set[Function]] = field(default_factory=dict)
    """What makes the requests of the calls that a function starts: generators, and methods of iterators."""
    callers: dict[Function, set[Function]] = field(default_factory=dict)
    families: dict[Function, set[Function]] = field(default_factory=dict)
    handed: dict[Function, list[HandSite]] = field(default_factory=dict)
    """Where functions are handed to code that is not in the program."""
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    mocks: Mocks | None = None
    """The mocks that stand for stubs; None where the program has none."""
    sync_form: set[Site] = field(default_factory=set)
    """Places under `with grpc.blocking()`."""
    passed: frozenset[ast.Call] = frozenset()
    """The calls in wrappers that are looked through."""
    bare: set[Function] = field(default_factory=set)
    """Wrappers that are called or handed on where it is not known what they wrap."""
    coroutines: dict[Function, set[Function]] = field(default_factory=dict)
    """What each function calls that is asynchronous already: there is nothing to decide about that."""
    streams: dict[Function, list[ast.expr]] = field(default_factory=dict)
    """What each coroutine reads with `async for` already."""
    channels: set[Function] = field(default_factory=set)
    """The coroutines that enter a channel with `async with` already."""
    unknown: dict[Function, list[ast.Call]] = field(default_factory=dict)
    """Calls of methods of something of which nothing is known."""
    driven: dict[Function, str] = field(default_factory=dict)
    """Generators that are not only iterated over, by what is asked of them."""

    def of(self, fn: Function) -> list[Site]:
        return self.sites.get(fn, [])


def classes_of(values: Values) -> Iterator[Class]:
    return (value.cls for value in values if isinstance(value, Inst))
