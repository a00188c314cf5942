"""What a scenario observed, as text that is the same on every run of the same behaviour."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import grpc
from google.protobuf import text_format
from google.protobuf.message import Message

# A scenario's server listens on a port of the system's choice.
_PORT = re.compile(r"((?:127\.0\.0\.1|localhost|\[::1\]|%5B::1%5D):)\d+")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")

# What grpc promises about the objects it hands out: their public bases. An object of a private class
# (`_InactiveRpcError`, `_MultiThreadedRendezvous`) is shown by those that it derives from.
_PUBLIC_BASES: tuple[type, ...] = (
    grpc.RpcError,
    grpc.Call,
    grpc.Future,
    grpc.RpcContext,
    grpc.ServicerContext,
    grpc.Channel,
    grpc.Server,
    grpc.RpcMethodHandler,
    grpc.ClientCallDetails,
)


@dataclass(frozen=True)
class Observation:
    name: str
    value: str


class Recorder:
    """The `record` that a scenario's `main` is given; callable from any thread and from a coroutine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._observations: list[Observation] = []

    def __call__(self, name: str, value: object = None) -> None:
        # Rendered at once: a call or a mutable value may look different later.
        observation = Observation(name, render(value))
        with self._lock:
            self._observations.append(observation)

    def observations(self) -> tuple[Observation, ...]:
        with self._lock:
            return tuple(self._observations)


def render(value: Any) -> str:
    """`value` as one line of text, without what differs between two runs or two implementations."""
    if isinstance(value, Message):
        return f"{value.DESCRIPTOR.name}({text_format.MessageToString(value, as_one_line=True)})"
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, BaseException):
        return _render_exception(value)
    if isinstance(value, type):
        return _type_name(value)
    if _is_metadatum(value):
        return f"{_steady(value[0])}={_steady(value[1])}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(render, value)) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(render, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{render(k)}: {render(v)}" for k, v in value.items()) + "}"
    bases = _public_bases(type(value))
    if bases:
        return f"<{', '.join(bases)}>"
    return _steady(value)


def _render_exception(error: BaseException) -> str:
    """The type by its public name, then what it says.

    An RpcError says its status; its `str` is a picture of the implementation (class name, time stamps), so a
    scenario that cares for that text records it by itself.
    """
    name = _type_name(type(error))
    if isinstance(error, grpc.RpcError) and hasattr(error, "code"):
        return f"{name}({render(error.code())}, {render(error.details())})"
    return f"{name}({', '.join(map(render, error.args))})"


def _type_name(cls: type) -> str:
    bases = _public_bases(cls)
    if bases:
        return "+".join(bases)
    for base in cls.__mro__:
        if not base.__name__.startswith("_"):
            return base.__name__
    return "object"


def _public_bases(cls: type) -> list[str]:
    found = [base for base in _PUBLIC_BASES if issubclass(cls, base)]
    # Only the most derived: a Call is a RpcContext by definition.
    return [b.__name__ for b in found if not any(o is not b and issubclass(o, b) for o in found)]


def _is_metadatum(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and hasattr(value, "key") and hasattr(value, "value")


def _steady(value: object) -> str:
    return _ADDRESS.sub("", _PORT.sub(r"\1PORT", repr(value)))
