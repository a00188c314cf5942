"""What users call has a docstring, which says in what unit it takes time."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import grpc_bridge
from grpc_bridge import (
    _call,
    _channel,
    _context,
    _proto_method,
    _server,
    aio,
    experimental,
    pytest_plugin,
    testing,
    typed,
)
from grpc_bridge.codemod import cli
from grpc_bridge.protoc import __main__ as protoc
from grpc_bridge.protoc import plugin

MODULES = (aio, experimental, testing, typed, pytest_plugin, protoc, plugin, cli)
CLASSES = (
    _channel.Channel,
    _server.Server,
    _context.ServicerContext,
    _call.UnaryUnaryCall,
    _call.StreamStreamCall,
    _proto_method.UnaryResponseMethod,
)
"""What users are given and do not name."""

SECONDS = {"timeout", "grace"}
REFERRED = re.compile(r"\b([Aa]s|with) `\w|\b[Ss]ee `|[Aa]s calling it|The same for")
"""It says what another one does, which says it."""


def own(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The public functions and classes that are defined there."""
    for name, value in vars(module).items():
        home = getattr(value, "__module__", None)
        if not name.startswith("_") and home == module.__name__ and callable(value):
            yield f"{module.__name__}.{name}", value


def members(name: str, cls: type) -> Iterator[tuple[str, Any]]:
    for attribute in dir(cls):
        value = inspect.getattr_static(cls, attribute)
        if inspect.isfunction(value) and not attribute.startswith("_"):
            yield f"{name}.{attribute}", value


def public() -> dict[str, Any]:
    found = {f"grpc_bridge.{name}": getattr(grpc_bridge, name) for name in grpc_bridge._OURS}
    for module in MODULES:
        found.update(own(module))
    found.update((cls.__qualname__, cls) for cls in CLASSES)
    for name, value in list(found.items()):
        if inspect.isclass(value):
            found.update(members(name, value))
    return found


PUBLIC = public()


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_it_says_what_it_does(name: str) -> None:
    value = PUBLIC[name]
    told = inspect.getdoc(value)
    assert told
    if inspect.isfunction(value) and not REFERRED.search(told):
        timed = SECONDS & inspect.signature(value).parameters.keys()
        assert not timed or "second" in told, f"{name}: in what unit are {timed}?"


def test_there_is_something_to_look_at() -> None:
    assert len(PUBLIC) > 150
