"""``grpc_bridge.proto()``: a .proto file's messages and methods, compiled at run time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.internal import enum_type_wrapper
from google.protobuf.message import Message

from grpc_bridge import _fork
from grpc_bridge._proto_compile import Compiled, ProtoError, Source, compile_file, find
from grpc_bridge._proto_service import Service, definitions


class Protos:
    """What a .proto file defines, by name: messages, enums and their values, services, and methods.

    Beside a service ``Greeter`` it has what generated code has: ``GreeterStub``, ``GreeterServicer`` and
    ``add_GreeterServicer_to_server``. A name that methods of several services have is reached through the
    service, and so is a method with the name of a message.
    """

    def __init__(self, file: FileDescriptor) -> None:
        self._file = file
        self._ambiguous: dict[str, list[str]] = {}
        self._names = dict(_definitions(file))
        self._names.update(self._flattened())
        self.__dict__.update(self._names)

    def _flattened(self) -> Iterator[tuple[str, Any]]:
        owners: dict[str, list[str]] = {}
        for service in self._services():
            for name in dir(self._names[service]):
                owners.setdefault(name, []).append(service)
        for name, services in owners.items():
            if name in self._names:
                continue
            if len(services) > 1:
                self._ambiguous[name] = services
            else:
                yield name, getattr(self._names[services[0]], name)

    def _services(self) -> list[str]:
        return sorted(name for name, value in self._names.items() if isinstance(value, Service))

    def __getattr__(self, name: str) -> Any:
        # Only for what is missing. A copy of it that is being made has nothing at all yet.
        if name == "DESCRIPTOR":
            return self._file
        services = self.__dict__.get("_ambiguous", {}).get(name)
        if services is not None:
            ways = " or ".join(f".{service}.{name}" for service in services)
            raise AttributeError(f"{name} is a method of several services: call it as {ways}")
        file = self.__dict__.get("_file")
        raise AttributeError(f"{file.name if file else 'a .proto file'} defines no {name!r}")

    def __dir__(self) -> list[str]:
        return sorted(self._names)

    def __repr__(self) -> str:
        messages = sorted(name for name, value in self._names.items() if _is_message(value))
        kinds = (("services", self._services()), ("messages", messages))
        parts = (f"{kind} {', '.join(names)}" for kind, names in kinds if names)
        return f"<protos of {self._file.name}: {'; '.join(parts) or 'nothing'}>"


def _is_message(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Message)


def _definitions(file: FileDescriptor) -> Iterator[tuple[str, Any]]:
    """What the file defines, and what it imports publicly, as generated code has it."""
    for imported in file.public_dependencies:
        yield from _definitions(imported)
    for name, message in file.message_types_by_name.items():
        yield name, message_factory.GetMessageClass(message)
    for name, enum in file.enum_types_by_name.items():
        yield name, enum_type_wrapper.EnumTypeWrapper(enum)
        yield from ((value.name, value.number) for value in enum.values)
    yield from file.extensions_by_name.items()
    for service in file.services_by_name.values():
        yield from definitions(service)


_lock = threading.Lock()
_made: dict[Source, tuple[Compiled, Protos]] = {}


def _forget_lock() -> None:
    # After a fork: a thread of the parent may have held it.
    global _lock
    _lock = threading.Lock()


_fork.register(after_in_child=_forget_lock)


def proto(path: str | os.PathLike[str], *, include: Iterable[str | os.PathLike[str]] = ()) -> Protos:
    """Compile a .proto file; what it defines: ``protos.HelloRequest``, ``protos.Hi``, ``protos.Greeter``.

    A relative `path` is looked up in the folders of `include`, then in the working directory, then along
    ``sys.path``; so is what the file imports. Needs grpcio-tools. The same file, looked up in the same
    folders, is the same object again until it, or a file that it imports, has changed on disk. From any
    thread; it blocks for the few milliseconds that compiling takes.

    Raises ``FileNotFoundError`` for a file that is not there, ``ProtoError`` with protoc's message for one
    that does not compile, and ``ImportError`` where grpcio-tools is not installed.
    """
    source = find(path, include)
    with _lock:
        made = _made.get(source)
        if made is None or not made[0].is_current():
            compiled = compile_file(source)
            made = _made[source] = compiled, Protos(compiled.file)
        return made[1]


__all__ = ["ProtoError", "Protos", "Service", "proto"]
