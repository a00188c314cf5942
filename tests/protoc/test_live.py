"""A generated file at work: in coroutines and in threads, on servers of every kind."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from types import ModuleType
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import LOOPBACK, PATIENCE, in_plain_thread
from .conftest import python
from .protos import GREETER


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("generated")
    (folder / "greeter.proto").write_text(GREETER)
    outputs = ("--python_out=.", "--grpc_python_async_out=.", "--grpc_python_out=.")
    ended = python("-m", "grpc_bridge.protoc", "-I.", *outputs, "greeter.proto", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("greeter_pb2_grpc_async")
    finally:
        sys.path.remove(str(folder))


@pytest.fixture
def messages(generated: ModuleType) -> ModuleType:
    assert generated.__file__
    return importlib.import_module("greeter_pb2")


Serve = Callable[..., str]


@pytest.fixture
def serve(generated: ModuleType) -> Iterator[Serve]:
    """Starts a server of the given kind for a servicer; its target."""
    started: list[Any] = []

    def start_here(make: Callable[[], Any], servicer: Any) -> int:
        server = make()
        generated.add_GreeterServicer_to_server(servicer, server)
        port: int = server.add_insecure_port(LOOPBACK)
        server.start()
        started.append(server)
        return port

    def start(make: Callable[[], Any], servicer: Any) -> str:
        return f"127.0.0.1:{in_plain_thread(start_here, make, servicer)}"

    yield start
    for server in started:
        assert server.stop(None).wait(PATIENCE)


def ours() -> Any:
    return grpc_bridge.server()


def grpcios() -> Any:
    return grpc.server(futures.ThreadPoolExecutor(4))


@pytest.fixture
def in_threads(generated: ModuleType, messages: Any) -> Any:
    class Greeter(generated.GreeterServicer):  # type: ignore[misc, name-defined]
        def Hi(self, request, context):
            return messages.HelloReply(text=f"hi {request.name}")

        def Many(self, request, context):
            for number in range(request.age):
                yield messages.HelloReply(text=str(number))

        def Sum(self, request_iterator, context):
            return messages.HelloReply(text="+".join(request.name for request in request_iterator))

        def Talk(self, request_iterator, context):
            for request in request_iterator:
                yield messages.HelloReply(text=f"and {request.name}")

    return Greeter()


@pytest.fixture
def in_coroutines(generated: ModuleType, messages: Any) -> Any:
    class Greeter(generated.GreeterServicer):  # type: ignore[misc, name-defined]
        async def Hi(self, request, context):
            return messages.HelloReply(text=f"hi {request.name}")

        async def Many(self, request, context):
            for number in range(request.age):
                yield messages.HelloReply(text=str(number))

        async def Sum(self, request_iterator, context):
            return messages.HelloReply(text="+".join([request.name async for request in request_iterator]))

        async def Talk(self, request_iterator, context):
            async for request in request_iterator:
                yield messages.HelloReply(text=f"and {request.name}")

    return Greeter()


EXPECTED = ("hi Ada", ["0", "1", "2"], "Ada+Bob", ["and Ada", "and Bob"])


def called_in_a_thread(generated: Any, messages: Any, target: str) -> tuple[Any, ...]:
    two = [messages.HelloRequest(name="Ada"), messages.HelloRequest(name="Bob")]
    with grpc_bridge.insecure_channel(target) as channel:
        stub = generated.GreeterStub(channel)
        return (
            stub.Hi(two[0], timeout=PATIENCE).text,
            [reply.text for reply in stub.Many(messages.HelloRequest(age=3), timeout=PATIENCE)],
            stub.Sum(iter(two), timeout=PATIENCE).text,
            [reply.text for reply in stub.Talk(iter(two), timeout=PATIENCE)],
        )


async def called_in_a_coroutine(generated: Any, messages: Any, target: str) -> tuple[Any, ...]:
    two = [messages.HelloRequest(name="Ada"), messages.HelloRequest(name="Bob")]
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = generated.GreeterStub(channel)
        return (
            (await stub.Hi(two[0], timeout=PATIENCE)).text,
            [reply.text async for reply in stub.Many(messages.HelloRequest(age=3), timeout=PATIENCE)],
            (await stub.Sum(two, timeout=PATIENCE)).text,
            [reply.text async for reply in stub.Talk(iter(two), timeout=PATIENCE)],
        )


@pytest.mark.parametrize(
    ("server", "servicer"), [(ours, "in_threads"), (ours, "in_coroutines"), (grpcios, "in_threads")]
)
async def test_every_arity(
    server: Any, servicer: str, generated: Any, messages: Any, serve: Serve, request: pytest.FixtureRequest
) -> None:
    target = serve(server, request.getfixturevalue(servicer))
    assert await called_in_a_coroutine(generated, messages, target) == EXPECTED
    assert in_plain_thread(called_in_a_thread, generated, messages, target) == EXPECTED


async def test_on_grpc_aios_server_and_channel(generated: Any, messages: Any, in_coroutines: Any) -> None:
    server = grpc.aio.server()
    generated.add_GreeterServicer_to_server(in_coroutines, server)
    target = f"127.0.0.1:{server.add_insecure_port(LOOPBACK)}"
    await server.start()
    try:
        assert await called_in_a_coroutine(generated, messages, target) == EXPECTED
        async with grpc.aio.insecure_channel(target) as channel:
            assert (
                await generated.GreeterStub(channel).Hi(messages.HelloRequest(name="Ada"))
            ).text == "hi Ada"
    finally:
        await server.stop(None)


async def replies_of(generated: Any, messages: Any, target: str) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = generated.GreeterStub(channel)
        yield stub.Hi(messages.HelloRequest(), timeout=PATIENCE)
        yield anext(stub.Many(messages.HelloRequest(), timeout=PATIENCE))
        yield stub.Sum([messages.HelloRequest()], timeout=PATIENCE)
        yield anext(stub.Talk([messages.HelloRequest()], timeout=PATIENCE))


@pytest.mark.parametrize("server", [ours, grpcios])
async def test_what_a_servicer_leaves_out_is_unimplemented(
    server: Any, generated: Any, messages: Any, serve: Serve
) -> None:
    target = serve(server, generated.GreeterServicer())
    count = 0
    async for reply in replies_of(generated, messages, target):
        with pytest.raises(grpc.RpcError) as caught:
            await reply
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert caught.value.details() == "Method not implemented!"
        count += 1
    assert count == 4


def test_it_reads_and_registers_what_grpcios_own_file_does(generated: Any) -> None:
    stock = importlib.import_module("greeter_pb2_grpc")
    assert recorded(generated) == recorded(stock) != []


def recorded(module: Any) -> list[Any]:
    seen: list[Any] = []

    class Recorder:
        def __getattr__(self, arity: str) -> Any:
            def make(path: str, **more: Any) -> None:
                # Not the same object each time: a function bound to its class.
                more["response_deserializer"] = more["response_deserializer"].__self__
                seen.append((arity, path, more))

            return make

        def add_generic_rpc_handlers(self, handlers: Any) -> None:
            seen.extend(handler.service_name() for handler in handlers)

        def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
            for name, handler in handlers.items():
                seen.append(
                    (
                        service,
                        name,
                        handler.request_streaming,
                        handler.response_streaming,
                        handler.request_deserializer.__self__,
                        handler.response_serializer,
                    )
                )

    for service in "Greeter", "Health":
        getattr(module, f"{service}Stub")(Recorder())
        servicer = getattr(module, f"{service}Servicer")()
        getattr(module, f"add_{service}Servicer_to_server")(servicer, Recorder())
    return seen
