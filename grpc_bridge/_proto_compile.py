"""From a .proto file to descriptors, at run time, with the protoc that comes with grpcio-tools."""

from __future__ import annotations

import ast
import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

_WELL_KNOWN = "google/protobuf/"


class ProtoError(ValueError):
    """A .proto file does not compile; the message is protoc's."""


class Source(NamedTuple):
    """A .proto file, by the name that others import it by, and the folders in which names are looked up."""

    name: str
    path: Path
    roots: tuple[Path, ...]


class Compiled(NamedTuple):
    """A file's descriptor, and what the files looked like that it was made of."""

    file: FileDescriptor
    read: dict[Path, tuple[int, int]]

    def is_current(self) -> bool:
        """Whether none of the files has changed since."""
        return all(_looks(path) == look for path, look in self.read.items())


def find(path: str | os.PathLike[str], include: Iterable[str | os.PathLike[str]]) -> Source:
    """Where a .proto file is.

    A relative path is looked up in the folders of `include`, then in the working directory, then along
    ``sys.path``; so is what the file imports. An absolute path outside of `include` makes its own folder
    the first to be searched. Raises ``FileNotFoundError``.
    """
    if isinstance(include, (str, os.PathLike)):
        raise TypeError(
            f"include is a collection of folders, not one: write include=[{os.fspath(include)!r}]"
        )
    wanted = Path(path)
    given = [Path(folder).absolute() for folder in include]
    roots = list(dict.fromkeys([*given, *_default_roots()]))
    if wanted.is_absolute():
        if wanted.is_file():
            for root in given:
                if wanted.is_relative_to(root):
                    return Source(wanted.relative_to(root).as_posix(), wanted, tuple(roots))
            return Source(wanted.name, wanted, tuple(dict.fromkeys([wanted.parent, *roots])))
        raise FileNotFoundError(f"there is no file {wanted}")
    name = os.path.normpath(wanted)
    for root in roots:
        if (root / name).is_file():
            if name.startswith(".."):
                return find((root / name).resolve(), include)
            return Source(Path(name).as_posix(), root / name, tuple(roots))
    folders = ", ".join(map(str, roots))
    raise FileNotFoundError(f"there is no {wanted} in any of the folders searched for it: {folders}")


def _default_roots() -> Iterator[Path]:
    yield Path.cwd()
    for entry in sys.path:
        if entry and Path(entry).is_dir():
            yield Path(entry).absolute()


def compile_file(source: Source) -> Compiled:
    """Compile it. Raises ``ProtoError``, or ``ImportError`` where grpcio-tools is not installed."""
    try:
        import grpc_tools
        from grpc_tools import _protoc_compiler as protoc
    except ImportError as error:
        raise ImportError(
            "grpc_bridge.proto() compiles with the protoc that comes with grpcio-tools, which is not "
            "installed: pip install grpcio-tools (grpc_bridge's extra `protoc`)"
        ) from error
    roots = (*source.roots, Path(grpc_tools.__file__).with_name("_proto"))
    try:
        generated = protoc.get_protos(os.fsencode(source.name), [os.fsencode(root) for root in roots])
    except protoc.ProtocErrors as error:
        raise ProtoError("\n".join(map(_message, error.errors()))) from None
    files = {
        FileDescriptorProto.FromString(file).name: file for file in map(_serialized, dict(generated).values())
    }
    found = (next(filter(Path.is_file, (root / name for root in roots)), None) for name in files)
    return Compiled(_build(files), {path: _looks(path) for path in found if path is not None})


def _looks(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, -1
    return status.st_mtime_ns, status.st_size


def _message(error: Any) -> str:
    place = os.fsdecode(error.filename)
    if error.line >= 0:
        place += f":{error.line + 1}:{error.column + 1}"
    return f"{place}: {error.message.decode(errors='replace')}"


def _serialized(code: bytes) -> bytes:
    """The descriptor inside a module that protoc has written: the argument of ``AddSerializedFile``."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="AddSerializedFile"), args=[ast.Constant(value=bytes(descriptor))]
            ):
                return descriptor
    raise ProtoError("this grpcio-tools writes modules in which grpc_bridge finds no descriptor")


def _build(files: dict[str, bytes]) -> FileDescriptor:
    """The descriptor of the last file; the files before it are those that it needs, in order.

    They go where generated code puts its own, so that messages made here and there are of one class. If
    other files of these names or messages are there already, they get a pool of their own.
    """
    default = descriptor_pool.Default()
    if all(_is_free_for(name, serialized, default) for name, serialized in files.items()):
        try:
            return _add(files, default)
        except TypeError:
            pass  # one of the messages is there already, from a file of another name
    return _add(files, descriptor_pool.DescriptorPool())


def _is_free_for(name: str, serialized: bytes, pool: Any) -> bool:
    """Whether no other file has that name. Not every implementation of protobuf would refuse it."""
    try:
        found: FileDescriptor = pool.FindFileByName(name)
    except KeyError:
        return True
    if name.startswith(_WELL_KNOWN):
        return True
    there = FileDescriptorProto.FromString(found.serialized_pb)
    return there == FileDescriptorProto.FromString(serialized)


def _add(files: dict[str, bytes], pool: Any) -> FileDescriptor:
    for name, serialized in files.items():
        pool.AddSerializedFile(_installed(name) or serialized)
    found: FileDescriptor = pool.FindFileByName(name)
    return found


def _installed(name: str) -> bytes | None:
    """protobuf's own edition of a file that it comes with: grpcio-tools' may be of another version."""
    if not name.startswith(_WELL_KNOWN):
        return None
    module = name.removesuffix(".proto").replace("/", ".") + "_pb2"
    try:
        descriptor: FileDescriptor = importlib.import_module(module).DESCRIPTOR
    except ImportError:
        return None
    return descriptor.serialized_pb
