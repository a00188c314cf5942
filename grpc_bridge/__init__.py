"""grpc_bridge: the sync gRPC API of grpcio, call for call, from threads and from coroutines.

Use it as ``import grpc_bridge as grpc``. What needs no change is the same object as grpcio's. Names are
looked up when first used, so that the codemod runs where nothing is compiled.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0.dev0"

# Our own names, and the modules that they live in.
_OURS = {
    # in place of grpcio's
    "insecure_channel": "_api",
    "secure_channel": "_api",
    "intercept_channel": "_api",
    "channel_ready_future": "_api",
    "server": "_api",
    # beside grpcio's
    "run": "_border",
    "blocking": "_border",
    "proto": "_proto",
    "BlockingCallWarning": "_errors",
    "BoundToAnotherLoop": "_errors",
    "EOF": "_errors",
    "ProtoError": "_proto",
    "UnawaitedCallWarning": "_errors",
    "WouldDeadlock": "_errors",
}


def __getattr__(name: str) -> Any:
    if name in _OURS:
        value = getattr(_module(_OURS[name]), name)
    elif name in ("aio", "experimental"):
        value = _module(name)
    elif name == "__all__":
        value = sorted({*_OURS, *importlib.import_module("grpc").__all__})
    elif (
        name.startswith("_")
        or (value := getattr(importlib.import_module("grpc"), name, _MISSING)) is _MISSING
    ):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def _module(name: str) -> Any:
    try:
        return importlib.import_module(f"grpc_bridge.{name}")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("grpc_bridge._cy."):
            raise
        raise ImportError(
            f"{error.name} is not compiled for this Python: install grpc_bridge with pip, which builds it "
            "(python -m grpc_bridge.codemod works without it)",
            name=error.name,
        ) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})


_MISSING = object()
