"""Which members of grpcio a scenario really uses: its run on grpcio, watched at the border between the two.

A member counts where the border is crossed, by either side: the scenario reads or calls it on an object of
grpcio's, or grpcio does so on an object of the scenario's (an interceptor, a plugin, call details). What each
side does within itself does not count, nor does a name that stands in the source and is never reached.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.experimental

from grpc_bridge._surface import SURFACE

from .legs import IMPORT_GRPC, SCENARIOS, Run, execute

OBSERVED = "observed"
"""The name of this run, beside the legs'."""

_BASES: dict[type, str] = {
    cls: owner
    for owner in {row.owner for row in SURFACE}
    if isinstance(cls := getattr(grpc, owner, None), type)
}
_NAMES = {(row.owner, row.name): row.qualified for row in SURFACE}
_SPECIAL = {row.name for row in SURFACE if row.name.startswith("__")}

# grpcio imports these late; their classes must exist before they can be watched.
for _module in ("_channel", "_interceptor", "_plugin_wrapping", "_server", "_utilities"):
    importlib.import_module(f"grpc.{_module}")
_REQUEST_ITERATOR: type = sys.modules["grpc._server"]._RequestIterator  # it has no public base


def observe(name: str) -> tuple[Run, frozenset[str]]:
    """A run of the scenario on grpcio, and the qualified names of the members that it used."""
    return observe_source((SCENARIOS / f"{name}.py").read_text(encoding="utf-8"), name)


def observe_source(source: str, name: str) -> tuple[Run, frozenset[str]]:
    source = IMPORT_GRPC.sub("from tests.sync_parity.observe import watched_grpc as grpc", source)
    seen: set[str] = set()
    with _watching(seen):
        outcome = execute(source, name, OBSERVED, before_main=lambda module: _watch_classes(module, seen))
    return outcome, frozenset(seen)


class _WatchedModule(types.ModuleType):
    """Stands for a module of grpcio's in the scenario's own file, and notes what is taken from it."""

    seen: set[str]

    def __init__(self, module: types.ModuleType, owner: str) -> None:
        super().__init__(module.__name__)
        self._module, self._owner = module, owner

    def __getattr__(self, name: str) -> Any:
        if self is watched_grpc and name == "experimental":
            return watched_experimental
        if (self._owner, name) in _NAMES:
            self.seen.add(_NAMES[self._owner, name])
        return getattr(self._module, name)


watched_grpc = _WatchedModule(grpc, "")
watched_experimental = _WatchedModule(grpc.experimental, "experimental")
_undo: list[Callable[[], None]] = []


@contextmanager
def _watching(seen: set[str]) -> Iterator[None]:
    watched_grpc.seen = watched_experimental.seen = seen
    try:
        yield
    finally:
        while _undo:
            _undo.pop()()


def _watch_classes(scenario: types.ModuleType, seen: set[str]) -> None:
    """Watch every class that exists by now: grpcio's, and those that the scenario derives from them."""
    # All of them before any is replaced: a base's watched one would be found, and count as a use from here.
    originals = {cls: cls.__getattribute__ for cls in _with_subclasses([*_BASES, _REQUEST_ITERATOR])}
    for cls, original in originals.items():
        _replace(cls, "__getattribute__", _watched_attribute(original, scenario, seen))
        for name in _SPECIAL & vars(cls).keys():
            _replace(cls, name, _watched_special(vars(cls)[name], name, scenario, seen))


def _with_subclasses(roots: Any) -> set[type]:
    found: set[type] = set()
    waiting = list(roots)
    while waiting:
        cls = waiting.pop()
        if cls not in found:
            found.add(cls)
            waiting.extend(type.__subclasses__(cls))
    return found


def _replace(cls: type, name: str, value: object) -> None:
    if name in vars(cls):
        _undo.append(functools.partial(setattr, cls, name, vars(cls)[name]))
    else:
        _undo.append(functools.partial(delattr, cls, name))
    setattr(cls, name, value)


def _watched_attribute(original: Any, scenario: types.ModuleType, seen: set[str]) -> Any:
    def __getattribute__(self: Any, name: str) -> Any:
        _note(type(self), name, scenario, seen)
        return original(self, name)

    return __getattribute__


def _watched_special(original: Any, name: str, scenario: types.ModuleType, seen: set[str]) -> Any:
    @functools.wraps(original)
    def special(self: Any, *args: Any, **kwargs: Any) -> Any:
        _note(type(self), name, scenario, seen)
        return original(self, *args, **kwargs)

    return special


def _note(cls: type, name: str, scenario: types.ModuleType, seen: set[str]) -> None:
    try:
        caller = sys._getframe(2).f_code.co_filename
    except ValueError:  # called by compiled code, on a thread of its own
        caller = ""
    if (caller == scenario.__file__) == (cls.__module__ == scenario.__name__):
        return
    seen.update(_NAMES[owner, name] for owner in _owners(cls) if (owner, name) in _NAMES)


@functools.cache
def _owners(cls: type) -> tuple[str, ...]:
    owners = [_BASES[base] for base in cls.__mro__ if base in _BASES]
    if issubclass(cls, grpc.Call) and hasattr(cls, "__next__"):
        owners.append("ResponseStream")
    if issubclass(cls, _REQUEST_ITERATOR):
        owners.append("RequestIterator")
    return tuple(owners)
