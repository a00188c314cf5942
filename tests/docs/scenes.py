"""What the examples take for granted: a live server, its generated code, a name here and there."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import queue
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from grpc_tools import protoc

import grpc_bridge

from ..conftest import LOOPBACK, PATIENCE
from . import frameworks
from .pages import Example

PROTO = """\
syntax = "proto3";

package helloworld;

message HelloRequest {
  string name = 1;
}

message HelloReply {
  string message = 1;
}

service Greeter {
  rpc Hi(HelloRequest) returns (HelloReply);
  rpc Many(HelloRequest) returns (stream HelloReply);
  rpc Sum(stream HelloRequest) returns (HelloReply);
  rpc Talk(stream HelloRequest) returns (stream HelloReply);
}
"""


@contextlib.contextmanager
def live(folder: Path) -> Iterator[str]:
    """A server of grpcio's for `PROTO`, whose modules can be imported from here on; its target."""
    (folder / "helloworld.proto").write_text(PROTO)
    outputs = (f"--{kind}_out={folder}" for kind in ("python", "pyi", "grpc_python"))
    assert protoc.main(["protoc", f"-I{folder}", *outputs, str(folder / "helloworld.proto")]) == 0
    sys.path.insert(0, str(folder))
    messages = importlib.import_module("helloworld_pb2")
    services = importlib.import_module("helloworld_pb2_grpc")

    class Greeter(services.GreeterServicer):  # type: ignore[name-defined, misc]
        def Hi(self, request, context):
            return messages.HelloReply(message=f"Hello {request.name}")

        def Many(self, request, context):
            for _ in range(3):
                yield self.Hi(request, context)

        def Sum(self, request_iterator, context):
            return messages.HelloReply(message=", ".join(request.name for request in request_iterator))

        def Talk(self, request_iterator, context):
            for request in request_iterator:
                yield self.Hi(request, context)

    with futures.ThreadPoolExecutor(8) as pool:
        server = grpc.server(pool)
        services.add_GreeterServicer_to_server(Greeter(), server)
        port = server.add_insecure_port(LOOPBACK)
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait(PATIENCE)


def call(channel: grpc.Channel) -> None:
    """Have a server answer; it may be on its way."""
    messages, services = map(importlib.import_module, ("helloworld_pb2", "helloworld_pb2_grpc"))
    reply = services.GreeterStub(channel).Hi(
        messages.HelloRequest(name="Ada"), wait_for_ready=True, timeout=PATIENCE
    )
    assert "Ada" in reply.message


def names(page: str, target: str) -> dict[str, Any]:
    """The names that a page's examples use without saying where they come from."""
    messages, services = map(importlib.import_module, ("helloworld_pb2", "helloworld_pb2_grpc"))
    channel = grpc_bridge.insecure_channel(target)
    everywhere: dict[str, Any] = {
        "__name__": "example",
        "asyncio": asyncio,
        "asynccontextmanager": contextlib.asynccontextmanager,
        "channel": channel,
        "functools": functools,
        "grpc": grpc_bridge,
        "grpc_bridge": grpc_bridge,
        "helloworld_pb2": messages,
        "helloworld_pb2_grpc": services,
        "HelloReply": messages.HelloReply,
        "HelloRequest": messages.HelloRequest,
        "request": messages.HelloRequest(name="Ada"),
        "stub": services.GreeterStub(channel),
        "target": target,
        "GreeterServicer": services.GreeterServicer,
        "GreeterStub": services.GreeterStub,
        "add_GreeterServicer_to_server": services.add_GreeterServicer_to_server,
        "ThreadPoolExecutor": futures.ThreadPoolExecutor,
        "warnings": warnings,
    }
    return everywhere | _OF_PAGES.get(page, dict)()


def after(block: Example, names: dict[str, Any]) -> None:
    """What is to hold once a block has run."""
    _AFTER.get((block.page, block.heading), lambda _: None)(names)


def _readme() -> dict[str, Any]:
    requests: queue.Queue[Any] = queue.Queue()
    requests.put(None)

    async def greet(request: Any) -> Any:
        return importlib.import_module("helloworld_pb2").HelloReply(message=f"Hello {request.name}")

    return {"queue": requests, "greet": greet}


CLIENT = """\
import grpc
from helloworld_pb2 import HelloRequest
from helloworld_pb2_grpc import GreeterStub

def greet(stub, name):
    return stub.Hi(HelloRequest(name=name)).message

def main():
    with grpc.insecure_channel("localhost:50051") as channel:
        print(greet(GreeterStub(channel), "Ada"))

if __name__ == "__main__":
    main()
"""

FILES = {page: {"src/client.py": CLIENT} for page in ("README.md", "docs/migration.md")}
"""What lies in the folder in which a page's commands run."""

_OF_PAGES: dict[str, Callable[[], dict[str, Any]]] = {"README.md": _readme}
_AFTER: dict[tuple[str, str], Callable[[dict[str, Any]], None]] = {
    ("docs/mixed.md", "FastAPI"): frameworks.fastapi,
    ("docs/mixed.md", "Django"): frameworks.django,
    ("docs/mixed.md", "Flask"): frameworks.flask,
    ("docs/mixed.md", "Celery"): frameworks.celery,
}
