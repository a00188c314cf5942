"""The numbered differences of docs/aio-differences.md: a program that runs on both."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge
import grpc_bridge.aio

from ..conftest import LOOPBACK, PATIENCE, AsyncEcho, Echo, Start, in_plain_thread, stub_of
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request
from .pages import ROOT

THEIRS, OURS = grpc.aio, grpc_bridge.aio
BOTH = pytest.mark.parametrize("aio", [THEIRS, OURS], ids=["grpc", "bridge"])


class Servicer(AsyncEcho):
    """Goes on where `abort` lets it; holds whoever asks it to."""

    def __init__(self) -> None:
        self.held = asyncio.Event()

    async def Ask(self, request, context):
        if request.text == "abort":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # on grpc.aio: never awaited
                context.abort(grpc.StatusCode.NOT_FOUND, "gone")
                gc.collect()
        if request.text == "hold":
            self.held.set()
            await asyncio.Event().wait()
        return await super().Ask(request, context)


@contextlib.asynccontextmanager
async def served(aio: ModuleType, servicer: Any = None, **options: Any) -> AsyncIterator[str]:
    """A server of the namespace under test, on the running loop; its target."""
    server = aio.server(**options)
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer or Servicer(), server)
    port = server.add_insecure_port(LOOPBACK)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@contextlib.asynccontextmanager
async def connected(aio: ModuleType, servicer: Any = None) -> AsyncIterator[Any]:
    """A stub of a channel to such a server."""
    async with served(aio, servicer) as target, aio.insecure_channel(target) as channel:
        yield stub_of(channel)


def on_another_loop(stub: Any) -> str:
    async def ask() -> Any:
        return await stub.Ask(Request(text="a"), timeout=PATIENCE)

    return str(in_plain_thread(asyncio.run, ask()).text)


async def test_01_nothing_is_bound_to_a_loop(grpcio_server: Start) -> None:
    target = grpcio_server()
    async with THEIRS.insecure_channel(target) as channel, OURS.insecure_channel(target) as ours:
        with pytest.raises(RuntimeError, match="attached to a different loop"):
            await asyncio.to_thread(on_another_loop, stub_of(channel))
        assert await asyncio.to_thread(on_another_loop, stub_of(ours)) == "A"
        assert (await stub_of(ours).Ask(Request(text="b"), timeout=PATIENCE)).text == "B"


async def test_02_in_a_thread_a_call_blocks(grpcio_server: Start) -> None:
    target = grpcio_server()
    async with THEIRS.insecure_channel(target) as channel, OURS.insecure_channel(target) as ours:
        with pytest.raises(RuntimeError, match="no current event loop"):
            await asyncio.to_thread(stub_of(channel).Ask, Request(text="a"))
        assert (await asyncio.to_thread(stub_of(ours).Ask, Request(text="a"), timeout=PATIENCE)).text == "A"


@BOTH
async def test_03_a_call_that_is_thrown_away_warns(aio: ModuleType) -> None:
    servicer = Servicer()
    async with connected(aio, servicer) as stub:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call = stub.Ask(Request(text="hold"))
            await asyncio.wait_for(servicer.held.wait(), PATIENCE)
            del call
            gc.collect()
        found = [warning for warning in caught if warning.category is grpc_bridge.UnawaitedCallWarning]
        assert len(found) == (aio is OURS)


@BOTH
async def test_04_abort_ends_the_handler(aio: ModuleType) -> None:
    async with connected(aio) as stub:
        call = stub.Ask(Request(text="abort"), timeout=PATIENCE)
        code = await call.code()
    assert code is (grpc.StatusCode.NOT_FOUND if aio is OURS else grpc.StatusCode.OK)


@BOTH
async def test_05_concurrent_writes_queue(aio: ModuleType) -> None:
    async def write_at_once(stub: Any) -> Any:
        call = stub.Collect(timeout=PATIENCE)
        await asyncio.gather(*(call.write(Request(number=1)) for _ in range(50)))
        await call.done_writing()
        return await call

    async def until_it_fails(stub: Any) -> None:
        # Now and then each write is over before the next begins.
        for _ in range(50):
            await write_at_once(stub)

    async with connected(aio) as stub:
        if aio is OURS:
            assert (await write_at_once(stub)).number == 50
        else:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await until_it_fails(stub)
            assert caught.value.code() is grpc.StatusCode.INTERNAL


async def test_06_concurrent_reads_are_refused() -> None:
    async with connected(OURS) as stub:
        call = stub.Talk(timeout=PATIENCE)
        first = asyncio.ensure_future(call.read())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="at the same time"):
            await call.read()
        await call.write(Request(number=1))
        assert (await first).number == 2
        call.cancel()


@BOTH
async def test_07_a_request_iterator_may_block(aio: ModuleType) -> None:
    readers: list[threading.Thread] = []

    def requests() -> Iterator[Request]:
        readers.append(threading.current_thread())
        yield Request(number=1)

    async with connected(aio) as stub:
        assert (await stub.Collect(requests(), timeout=PATIENCE)).number == 1
    assert (readers == [threading.current_thread()]) == (aio is THEIRS)


class Client(grpc.UnaryUnaryClientInterceptor):
    def intercept_unary_unary(self, continuation, client_call_details, request):
        return continuation(client_call_details, Request(text=f"{request.text}, intercepted"))


class Server(grpc.ServerInterceptor):
    def intercept_service(self, continuation, handler_call_details):
        return continuation(handler_call_details)


@BOTH
async def test_08_interceptors_of_grpc_are_taken(aio: ModuleType) -> None:
    makers: list[Callable[[], Any]] = [
        lambda: aio.insecure_channel(target, interceptors=[Client()]),
        lambda: aio.server(interceptors=[Server()]),
    ]
    async with served(aio) as target:
        if aio is THEIRS:
            for make in makers:
                with pytest.raises(ValueError, match="Interceptor"):
                    make()
            return
        async with makers[0]() as channel:
            reply = await stub_of(channel).Ask(Request(text="a"), timeout=PATIENCE)
        assert reply.text == "A, INTERCEPTED"
    async with (
        served(aio, interceptors=[Server()]) as target,
        aio.insecure_channel(target) as channel,
    ):
        assert (await stub_of(channel).Ask(Request(text="b"), timeout=PATIENCE)).text == "B"


@BOTH
async def test_09_closing_a_channel_ends_its_calls(aio: ModuleType) -> None:
    servicer = Servicer()
    async with served(aio, servicer) as target:
        channel = aio.insecure_channel(target)
        call = stub_of(channel).Ask(Request(text="hold"))
        await asyncio.wait_for(servicer.held.wait(), PATIENCE)
        await channel.close()
        expected = grpc.aio.AioRpcError if aio is OURS else asyncio.CancelledError
        with pytest.raises(expected) as caught:
            await call
        if aio is OURS:
            assert caught.value.code() is grpc.StatusCode.CANCELLED


@BOTH
async def test_10_what_may_wait_has_begun_when_it_is_called(aio: ModuleType) -> None:
    async with served(aio) as target:
        channel = aio.insecure_channel(target)
        closing = channel.close()
        call = None
        try:
            call = stub_of(channel).Ask(Request(text="a"), timeout=PATIENCE)
        except grpc.aio.UsageError:
            assert aio is OURS
        else:
            assert aio is THEIRS
            await call
        await closing


def test_11_a_server_may_be_started_by_sync_code() -> None:
    server = OURS.server()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(AsyncEcho(), server)
    port = server.add_insecure_port(LOOPBACK)
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert stub_of(channel).Ask(Request(text="a"), timeout=PATIENCE).text == "A"
    assert server.stop(None).wait(PATIENCE)

    def theirs() -> None:
        with pytest.raises(RuntimeError, match="no current event loop"):
            THEIRS.server()

    in_plain_thread(theirs)


async def test_12_objects_are_of_our_classes(grpcio_server: Start) -> None:
    async with OURS.insecure_channel(grpcio_server(Echo())) as channel:
        call = stub_of(channel).Ask(Request(text="a"), timeout=PATIENCE)
        assert isinstance(await call, Reply)
        error = await failure(channel)
        for found, theirs in (
            (channel, THEIRS.Channel),
            (OURS.server(), THEIRS.Server),
            (call, THEIRS.UnaryUnaryCall),
            (error, THEIRS.AioRpcError),
        ):
            assert isinstance(found, theirs)
            assert type(found) is not theirs


@BOTH
async def test_13_metadata_that_comes_back_is_a_tuple(aio: ModuleType, grpcio_server: Start) -> None:
    async with aio.insecure_channel(grpcio_server()) as channel:
        call = stub_of(channel).Ask(Request(text="a"), timeout=PATIENCE)
        await call
        metadata = await call.trailing_metadata()
    assert isinstance(metadata, tuple) == (aio is OURS)
    assert isinstance(metadata, THEIRS.Metadata) == hasattr(metadata, "add") == (aio is THEIRS)
    assert (metadata["asked"], metadata.get("asked"), metadata.get_all("asked")) == ("a", "a", ["a"])
    assert list(metadata.keys()) == ["asked"]
    assert [tuple(pair) for pair in metadata] == [("asked", "a")]
    assert "asked" in metadata
    changed = THEIRS.Metadata(*metadata)
    changed.add("more", "b")
    assert changed["more"] == "b"


async def failure(channel: Any) -> BaseException:
    with pytest.raises(grpc.RpcError) as caught:
        await channel.unary_unary("/no.such/Method")(b"", timeout=PATIENCE)
    return caught.value


def test_the_page_has_the_same_numbers() -> None:
    page = (ROOT / "docs" / "aio-differences.md").read_text("utf-8")
    numbers = [int(number) for number in re.findall(r"^(\d+)\. \*\*", page, re.MULTILINE)]
    tests = [int(name[5:7]) for name in globals() if re.match(r"test_\d\d_", name)]
    assert numbers == tests == list(range(1, len(tests) + 1))
