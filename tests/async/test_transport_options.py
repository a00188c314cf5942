"""Options of channels and servers, compression and limits: what they do on the wire, and to whom."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import LOOPBACK, PATIENCE, AsyncEcho, Servicer, Start, serving_here, stub_of
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request
from ..wire import Wire

BIG = b"x" * 100_000
SMALL = 20_000
"""Bytes: more than BIG takes when it is compressed, with all that is around it, and far less than BIG."""

NONE, DEFLATE, GZIP = grpc.Compression.NoCompression, grpc.Compression.Deflate, grpc.Compression.Gzip


def is_small(size: int) -> bool:
    assert size < SMALL or size >= len(BIG), f"{size} bytes are neither"
    return size < SMALL


# ---- compression, of requests ------------------------------------------------------------------------


@pytest.fixture(params=["threads", "coroutines"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Makes a call of each arity with big requests, in one colour."""

    def in_thread(stub: Any, message: Request, **arguments: Any) -> None:
        arguments["timeout"] = PATIENCE
        stub.Ask(message, **arguments)
        list(stub.Watch(message, **arguments))
        stub.Collect(iter([message]), **arguments)
        list(stub.Talk(iter([message]), **arguments))

    async def in_coroutine(stub: Any, message: Request, **arguments: Any) -> None:
        arguments["timeout"] = PATIENCE
        await stub.Ask(message, **arguments)
        async for _ in stub.Watch(message, **arguments):
            pass
        await stub.Collect([message], **arguments)
        async for _ in stub.Talk([message], **arguments):
            pass

    async def ask(stub: Any, message: Request, **arguments: Any) -> None:
        if request.param == "threads":
            await asyncio.to_thread(in_thread, stub, message, **arguments)
        else:
            await in_coroutine(stub, message, **arguments)

    return ask


@pytest.mark.parametrize(
    ("of_channel", "of_call", "small"),
    [
        (None, None, False),
        (GZIP, None, True),
        (DEFLATE, None, True),
        (None, GZIP, True),
        (None, DEFLATE, True),
        (GZIP, NONE, True),  # as on grpcio: a call cannot switch it off
        (NONE, GZIP, True),
    ],
)
async def test_requests_are_compressed_as_the_call_or_else_the_channel_says(
    grpcio_server: Start, ask: Any, of_channel: Any, of_call: Any, small: bool
) -> None:
    with Wire(grpcio_server()) as wire:
        async with grpc_bridge.insecure_channel(wire.address, compression=of_channel) as channel:
            await ask(stub_of(channel), Request(payload=BIG), compression=of_call)
        assert (wire.sent < SMALL) is small
        assert small or wire.sent >= 4 * len(BIG)


# ---- compression, of responses -----------------------------------------------------------------------


class Choosing(Servicer):
    """Compresses as `text` says; the second message of a stream goes as it is."""

    def Ask(self, request, context):
        if request.text:
            context.set_compression(grpc.Compression[request.text])
        return Reply(payload=BIG)

    def Watch(self, request, context):
        context.set_compression(GZIP)
        for number in range(3):
            if number == request.number:
                context.disable_next_message_compression()
            yield Reply(payload=BIG)


class AsyncChoosing(Servicer):
    async def Ask(self, request, context):
        if request.text:
            context.set_compression(grpc.Compression[request.text])
        return Reply(payload=BIG)

    async def Watch(self, request, context):
        context.set_compression(GZIP)
        for number in range(3):
            if number == request.number:
                context.disable_next_message_compression()
            yield Reply(payload=BIG)


@pytest.mark.parametrize("servicer", [Choosing, AsyncChoosing])
@pytest.mark.parametrize(
    ("of_server", "of_handler", "small"),
    [
        (None, "", False),
        (GZIP, "", True),
        (DEFLATE, "", True),
        (None, "Gzip", True),
        (None, "Deflate", True),
        (GZIP, "NoCompression", False),
    ],
)
async def test_responses_are_compressed_as_the_handler_or_else_the_server_says(
    servicer: Any, of_server: Any, of_handler: str, small: bool
) -> None:
    async with serving_here(servicer(), compression=of_server) as target:
        with Wire(target) as wire:
            async with grpc_bridge.insecure_channel(wire.address) as channel:
                reply = await stub_of(channel).Ask(Request(text=of_handler), timeout=PATIENCE)
            assert reply.payload == BIG
            assert is_small(wire.received) is small


@pytest.mark.parametrize("servicer", [Choosing, AsyncChoosing])
@pytest.mark.parametrize(("plain", "least"), [(5, 0), (0, 1), (1, 1), (2, 1)])
async def test_one_message_of_a_stream_may_go_as_it_is(servicer: Any, plain: int, least: int) -> None:
    async with serving_here(servicer()) as target:
        with Wire(target) as wire:
            async with grpc_bridge.insecure_channel(wire.address) as channel:
                call = stub_of(channel).Watch(Request(number=plain), timeout=PATIENCE)
                assert [reply.payload async for reply in call] == [BIG] * 3
            assert least * len(BIG) <= wire.received < least * len(BIG) + SMALL


# ---- options that C-core acts on ---------------------------------------------------------------------


async def wait_in_thread(semaphore: Any) -> None:
    assert await asyncio.to_thread(semaphore.acquire, timeout=PATIENCE)


async def test_a_call_over_a_dead_connection_ends_where_pings_are_not_answered(bridge_server: Start) -> None:
    # C-core pings once a second at most, and without this option twice in all.
    pings = (("grpc.keepalive_time_ms", 1000), ("grpc.http2.max_pings_without_data", 0))
    options = (*pings, ("grpc.http2.ping_timeout_ms", 50))
    with Wire(bridge_server(Silent())) as wire:
        async with grpc_bridge.insecure_channel(wire.address, options) as channel:
            call = stub_of(channel).Watch(Request(), timeout=PATIENCE)
            assert (await anext(call)).number == 1
            await wait_in_thread(wire.pings)
            wire.swallow()
            with pytest.raises(grpc.RpcError) as caught:
                await anext(call)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


class Silent(AsyncEcho):
    """Answers once, and then says nothing until the call is over."""

    async def Watch(self, request, context):
        yield Reply(number=1)
        await asyncio.get_running_loop().create_future()


async def test_the_server_ends_connections_that_are_old() -> None:
    options = (("grpc.max_connection_age_ms", 100), ("grpc.max_connection_age_grace_ms", 100))
    async with serving_here(options=options) as target:
        with Wire(target) as wire:
            async with grpc_bridge.insecure_channel(wire.address) as channel:
                assert (await stub_of(channel).Ask(Request(text="a"), timeout=PATIENCE)).text == "A"
                await wait_in_thread(wire.ended)
                reply = await stub_of(channel).Ask(Request(text="b"), timeout=PATIENCE, wait_for_ready=True)
                assert reply.text == "B"
            assert wire.connections >= 2


async def test_a_call_that_waits_for_ready_is_served_when_the_server_comes(tmp_path: Path) -> None:
    address = f"unix:{tmp_path / 'late'}"
    options = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 50))
    async with grpc_bridge.insecure_channel(address, options) as channel:
        stub = stub_of(channel)
        with pytest.raises(grpc.RpcError) as caught:
            await stub.Ask(Request(), timeout=PATIENCE)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        calls = [
            stub.Ask(Request(text="one"), timeout=PATIENCE, wait_for_ready=True),
            stub.Collect([Request(number=2)], timeout=PATIENCE, wait_for_ready=True),
        ]
        stream = stub.Watch(Request(number=2), timeout=PATIENCE, wait_for_ready=True)
        async with _serving_on(address):
            assert (await calls[0]).text == "ONE"
            assert (await calls[1]).number == 2
            assert [reply.number async for reply in stream] == [0, 1]


# ---- addresses ---------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _serving_on(address: str, credentials: grpc.ServerCredentials | None = None) -> AsyncIterator[int]:
    server = grpc_bridge.server()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(AsyncEcho(), server)
    if credentials is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, credentials)
    await server.start()
    try:
        yield port
    finally:
        await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)


async def _both_colours_are_answered(target: str, credentials: grpc.ChannelCredentials | None = None) -> None:
    if credentials is None:
        channel = grpc_bridge.insecure_channel(target)
    else:
        channel = grpc_bridge.secure_channel(target, credentials)
    async with channel:
        stub = stub_of(channel)
        assert (await stub.Ask(Request(text="async"), timeout=PATIENCE)).text == "ASYNC"
        reply = await asyncio.to_thread(stub.Ask, Request(text="sync"), timeout=PATIENCE)
        assert reply.text == "SYNC"


async def test_unix_sockets(tmp_path: Path) -> None:
    for scheme in ("unix:", "unix://"):
        address = f"{scheme}{tmp_path / 'socket'}"
        async with _serving_on(address):
            await _both_colours_are_answered(address)


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
async def test_abstract_unix_sockets(tmp_path: Path) -> None:
    address = f"unix-abstract:grpc_bridge-{os.getpid()}-{tmp_path.name}"
    async with _serving_on(address):
        await _both_colours_are_answered(address)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")
async def test_ipv6() -> None:
    async with _serving_on("[::1]:0") as port:
        for target in (f"[::1]:{port}", f"ipv6:[::1]:{port}"):
            await _both_colours_are_answered(target)


async def test_several_ports_of_one_server(tmp_path: Path) -> None:
    server = grpc_bridge.server()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(AsyncEcho(), server)
    targets = [f"127.0.0.1:{server.add_insecure_port(LOOPBACK)}" for _ in range(2)]
    targets.append(f"unix:{tmp_path / 'socket'}")
    server.add_insecure_port(targets[-1])
    await server.start()
    for target in targets:
        await _both_colours_are_answered(target)
    await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)
