"""What things of a .proto file are called in Python: as protoc and grpcio's own plugin call them."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterable
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto


class Message(NamedTuple):
    """Where a message type is defined."""

    file: str
    path: tuple[str, ...]
    """Its own name and those of the messages around it, outermost first."""


def messages(files: Iterable[FileDescriptorProto]) -> dict[str, Message]:
    """Every message type of the files, by its full name with a leading dot."""
    found: dict[str, Message] = {}

    def add(file: FileDescriptorProto, scope: str, path: tuple[str, ...], message: DescriptorProto) -> None:
        path = (*path, message.name)
        scope = f"{scope}.{message.name}"
        found[scope] = Message(file.name, path)
        for nested in message.nested_type:
            add(file, scope, path, nested)

    for file in files:
        for message in file.message_type:
            add(file, f".{file.package}" if file.package else "", (), message)
    return found


def module_of(file: str) -> str:
    """The module that protoc writes a file's messages to."""
    stem = file.removesuffix(".protodevel").removesuffix(".proto")
    return stem.replace("-", "_").replace("/", ".") + "_pb2"


def output_of(file: str) -> str:
    """The path, in the output folder, of what the plugin writes."""
    return module_of(file).replace(".", "/") + "_grpc_async.py"


def module_alias(module: str) -> str:
    """What generated code calls a module of messages; no two modules share it."""
    return module.replace("_", "__").replace(".", "_dot_")


def is_plain(dotted: str) -> bool:
    """Whether it can be written with dots: no part of it is a Python keyword."""
    return not any(keyword.iskeyword(part) for part in dotted.split("."))


def attributes(names: Iterable[str]) -> dict[str, str]:
    """The Python attribute for each name of a service's method.

    A keyword gets an underscore behind it, as PEP 8 has it. A name that a class would mangle, or that is
    Python's own (``__init__``), gets ``rpc`` before it. Neither may hit another method's name.
    """
    names = list(names)
    taken = {name for name in names if not _reserved(name)}
    found: dict[str, str] = {}
    for name in names:
        if not _reserved(name):
            found[name] = name
            continue
        python = f"rpc{name}" if name.startswith("__") else f"{name}_"
        found[name] = free(python, taken)
        taken.add(found[name])
    return found


def _reserved(name: str) -> bool:
    return keyword.iskeyword(name) or name.startswith("__")


def free(name: str, taken: Collection[str]) -> str:
    """The name, with as many underscores behind it as keep it from being one that is taken."""
    while name in taken:
        name += "_"
    return name
