"""Stubs that a program compiles from a .proto file while it runs."""

from __future__ import annotations

import pytest

from grpc_bridge.codemod.protofile import arities

from .tool import rewritten, unchanged

PROTO = """
syntax = "proto3";
package greet;

// service Old { rpc Gone(A) returns (B); }
message Text { string text = 1; }

service Greeter {
  option deprecated = true;
  rpc Hi(Text) returns (Text);
  rpc Many (.greet.Text) returns (stream greet.Text) { option (http) = { get: "/many {" }; }
  /* rpc Never(Text) returns (Text); */
  rpc Sum(stream Text)
      returns (Text) {}
  rpc Chat(stream Text) returns (stream Text);
  rpc Odd(streamer.Text) returns (streams.Text);
}

service Other { rpc Hi(stream Text) returns (Text); }
"""

BEFORE = """
import grpc

{lines}


def main(target):
    with grpc.insecure_channel(target) as channel:
        stub = services.GreeterStub(channel)
        for reply in stub.Many(1):
            print(reply)
        return stub.Hi(1)
"""

AFTER = """
import grpc_bridge as grpc

{lines}


async def main(target):
    async with grpc.insecure_channel(target) as channel:
        stub = services.GreeterStub(channel)
        async for reply in stub.Many(1):
            print(reply)
        return await stub.Hi(1)
"""


def test_the_methods_of_a_proto_file() -> None:
    assert arities(PROTO) == {
        "Greeter": {
            "Hi": "unary_unary",
            "Many": "unary_stream",
            "Sum": "stream_unary",
            "Chat": "stream_stream",
            "Odd": "unary_unary",
        },
        "Other": {"Hi": "stream_unary"},
    }


@pytest.mark.parametrize(
    "text", ["", "service", "service X", "service X {", "rpc A(B) returns (C);", "}}}", "\0"]
)
def test_what_is_no_proto_file_has_no_services(text: str) -> None:
    assert not any(arities(text).values())


@pytest.mark.parametrize(
    "lines",
    [
        "services = grpc.services('greet.proto')",
        "services = grpc.services(protobuf_path='greet.proto')",
        "PATH = 'greet.proto'\nservices = grpc.services(PATH)",
        "protos, services = grpc.protos_and_services('greet.proto')",
        "services = grpc.protos_and_services('greet.proto')[1]",
    ],
)
def test_stubs_of_services_compiled_at_run_time(lines: str) -> None:
    before = {"app.py": BEFORE.format(lines=lines), "greet.proto": PROTO}
    assert rewritten(before, {"app.py": AFTER.format(lines=lines), "greet.proto": PROTO}) == []


def test_a_proto_file_beside_a_root_of_the_run() -> None:
    lines = "services = grpc.services('protos/greet.proto')"
    before = {"src/app/main.py": BEFORE.format(lines=lines), "protos/greet.proto": PROTO}
    after = {"src/app/main.py": AFTER.format(lines=lines), "protos/greet.proto": PROTO}
    assert rewritten(before, after) == []


def test_a_servicer_of_services_compiled_at_run_time() -> None:
    before = """
    import grpc

    services = grpc.services("greet.proto")


    class Greeter(services.GreeterServicer):
        def Sum(self, numbers, context):
            return sum(n for n in numbers)
    """
    after = """
    import grpc_bridge as grpc

    services = grpc.services("greet.proto")


    class Greeter(services.GreeterServicer):
        async def Sum(self, numbers, context):
            return sum([n async for n in numbers])
    """
    assert rewritten({"app.py": before, "greet.proto": PROTO}, {"app.py": after, "greet.proto": PROTO}) == []


@pytest.mark.parametrize(
    "lines",
    [
        "services = grpc.services('missing.proto')",
        "services = grpc.services(PATHS[0])",
        "PATH = 'greet.proto'\nPATH = 'other.proto'\nservices = grpc.services(PATH)",
        "protos, services = grpc.protos_and_services('missing.proto')",
    ],
)
def test_a_proto_file_that_is_not_found(lines: str) -> None:
    """Nothing says which method streams, so nothing is awaited, and a person is told."""
    before = {"app.py": BEFORE.format(lines=lines), "greet.proto": PROTO}
    assert unchanged(before) == ["GB709"]
