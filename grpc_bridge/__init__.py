"""grpc_bridge: the sync gRPC API of grpcio, call for call, from threads and from coroutines.

Use it as ``import grpc_bridge as grpc``. What needs no change is the same object as grpcio's. Names are
looked up when first used, so the codemod runs where nothing is compiled.
"""

from __future__ import annotations

import importlib
from typing import Any

_OURS = {
    "insecure_channel": "_api",
    "secure_channel": "_api",
}


def __getattr__(name: str) -> Any:
    home = _OURS.get(name)
    if home is not None:
        value = getattr(importlib.import_module(f"grpc_bridge.{home}"), name)
    else:
        import grpc

        value = getattr(grpc, name)
    globals()[name] = value
    return value
