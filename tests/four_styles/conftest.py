"""What the snippets take for granted: the module of a .proto file, a server, a port, what they process."""

from __future__ import annotations

import importlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import pytest

from ..conftest import LOOPBACK, PATIENCE

HELLOWORLD = """\
syntax = "proto3";

package helloworld;

message HelloRequest {
  string name = 1;
  bool needs_respond = 2;
  bool last = 3;
}

message HelloReply { string message = 1; }

// Greets people.
service Greeter {
  // Greets once.
  rpc Hi(HelloRequest) returns (HelloReply);
  // Greets whoever comes.
  rpc StreamingHi(stream HelloRequest) returns (stream HelloReply);
}
"""


@pytest.fixture(autouse=True)
def _quiet_loops(quiet_loops: None) -> None:
    pass


class Generated:
    """The modules that the snippets import."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.messages = importlib.import_module("helloworld_pb2")
        self.services: ModuleType = importlib.import_module("helloworld_pb2_grpc")


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("helloworld")
    (folder / "helloworld.proto").write_text(HELLOWORLD)
    outputs = ("--python_out=.", "--grpc_python_out=.", "--grpc_python_async_out=.")
    subprocess.run(
        [sys.executable, "-m", "grpc_bridge.protoc", "-I.", *outputs, "helloworld.proto"],
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        check=True,
        timeout=PATIENCE,
    )
    sys.path.insert(0, str(folder))
    yield Generated(folder)
    sys.path.remove(str(folder))


@pytest.fixture
def greeting_port(generated: Any) -> Iterator[int]:
    """A server of grpcio's, for client snippets: it greets until it is told that somebody is the last."""

    class Greeter(generated.services.GreeterServicer):  # type: ignore[misc, name-defined]
        def Hi(self, request, context):
            return generated.messages.HelloReply(message=f"hi {request.name}")

        def StreamingHi(self, request_iterator, context):
            for request in request_iterator:
                yield generated.messages.HelloReply(message=f"hi {request.name}")
                if request.last:
                    return

    server = grpc.server(futures.ThreadPoolExecutor(4))
    generated.services.add_GreeterServicer_to_server(Greeter(), server)
    port = server.add_insecure_port(LOOPBACK)
    server.start()
    yield port
    assert server.stop(None).wait(PATIENCE)


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port for a server that a snippet starts: nobody else is given it, and the server may share it."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]
