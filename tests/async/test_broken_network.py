"""A network that delays, halves, resets and black-holes: RPCs are right or fail, and none hangs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, Servicer, Start, stub_of, until
from ..footprint import flat, footprint
from ..load import AT_ONCE, LOST, Load, begun, status_of
from ..protos.exchange_pb2 import Reply, Request
from ..versions import resets_are_heard
from ..wire import Wire

PAYLOAD = bytes(range(256)) * 1024
"""Longer than what a connection takes in one piece."""


class Open(Echo):
    """Streams that stay open until their RPC is over, which they tell."""

    def __init__(self) -> None:
        self.entered: list[None] = []
        self.over: list[None] = []

    def _stay(self, context: Any) -> None:
        over = threading.Event()
        if not context.add_callback(over.set):
            over.set()
        self.entered.append(None)
        assert over.wait(PATIENCE)
        self.over.append(None)

    def Collect(self, request_iterator, context):
        self._stay(context)
        return Reply()

    def Watch(self, request, context):
        yield Reply(number=1, payload=request.payload)
        if request.number:
            yield Reply(number=2, payload=request.payload)
        self._stay(context)


class AsyncOpen(AsyncEcho):
    """The same in coroutines."""

    def __init__(self) -> None:
        self.entered: list[None] = []
        self.over: list[None] = []

    async def _stay(self) -> None:
        self.entered.append(None)
        try:
            await asyncio.wait_for(asyncio.Event().wait(), PATIENCE)
        finally:
            self.over.append(None)

    async def Collect(self, request_iterator, context):
        await self._stay()
        return Reply()

    async def Watch(self, request, context):
        yield Reply(number=1, payload=request.payload)
        if request.number:
            yield Reply(number=2, payload=request.payload)
        await self._stay()


SERVERS = {
    "grpc.server": ("grpcio_server", Open),
    "ours, functions": ("bridge_server", Open),
    "ours, coroutines": ("bridge_server", AsyncOpen),
}


@pytest.fixture(params=SERVERS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Any, Wire, Any]]:
    """A servicer, the wire to it, and a stub at the other end."""
    fixture, kind = SERVERS[request.param]
    servicer: Servicer = kind()
    start: Start = request.getfixturevalue(fixture)
    with Wire(start(servicer)) as wire:
        async with grpc_bridge.insecure_channel(wire.address, options=AT_ONCE) as channel:
            yield servicer, wire, stub_of(channel)


async def every_arity(stub: Any, payload: bytes) -> None:
    request = Request(number=2, text="a", payload=payload)
    assert (await stub.Ask(request)).text == "A"
    replies = [reply async for reply in stub.Talk([request] * 3)]
    assert [(reply.text, reply.number) for reply in replies] == [("A", 4)] * 3
    call = stub.Watch(request)
    assert [(await call.read()).payload for _ in range(2)] == [payload] * 2
    call.cancel()


@pytest.mark.parametrize("harm", ["delayed", "halved", "both"])
async def test_pieces_that_come_late_or_in_halves(world: tuple[Any, Wire, Any], harm: str) -> None:
    _, wire, stub = world
    if harm != "halved":
        wire.delay(0.002)
    if harm != "delayed":
        wire.halve()
    await asyncio.gather(*(every_arity(stub, PAYLOAD) for _ in range(3)))


async def comes_back(stub: Any) -> None:
    """The channel has a connection that works; an RPC may yet be lost with the one before."""
    while await status_of(stub.Ask(Request(), wait_for_ready=True, timeout=PATIENCE)) != grpc.StatusCode.OK:
        pass


@resets_are_heard
async def test_a_connection_reset_in_the_middle(world: tuple[Any, Wire, Any]) -> None:
    """Each RPC ends on either side; the next one makes a connection of its own."""
    servicer, wire, stub = world
    watching = stub.Watch(Request())
    assert (await watching.read()).number == 1
    asking, writing = stub.Collect.future([Request()]), stub.Collect()
    await until(lambda: servicer.entered)
    await writing.write(Request())
    wire.reset()
    for call in (watching, asking, writing):
        assert await asyncio.wait_for(status_of(call), PATIENCE) in LOST
    await comes_back(stub)
    assert wire.connections == 2
    await until(lambda: len(servicer.over) == len(servicer.entered))


@resets_are_heard
async def test_a_message_cut_in_half(world: tuple[Any, Wire, Any]) -> None:
    """What came whole before it is delivered, and of the rest nothing."""
    _, wire, stub = world
    call = stub.Watch(Request(payload=PAYLOAD))
    assert (await call.read()).payload == PAYLOAD
    wire.cut(longer_than=1000)
    other = call
    call, payloads = stub.Watch(Request(number=1, payload=PAYLOAD)), []

    async def read_all() -> None:
        async for reply in call:
            payloads.append(reply.payload)

    with pytest.raises(grpc.RpcError):
        await read_all()
    assert await call.code() in LOST
    assert payloads in ([], [PAYLOAD])
    assert await status_of(other) in LOST
    await comes_back(stub)


async def test_a_black_hole(world: tuple[Any, Wire, Any]) -> None:
    """Nothing comes, and nobody says so: deadlines and cancellation end what waits, reads and writes."""
    _, wire, stub = world
    stream = await begun(lambda timeout: stub.Watch(Request(), timeout=timeout), lambda call: call.read())
    writing = await begun(lambda timeout: stub.Collect(timeout=timeout), lambda call: call.write(Request()))
    wire.swallow()

    async def write_on() -> None:
        while True:
            await writing.write(Request(payload=PAYLOAD))

    written = asyncio.create_task(write_on())
    codes = [status_of(stream), status_of(stub.Ask(Request(), timeout=0.3)), status_of(writing)]
    late = grpc.StatusCode.DEADLINE_EXCEEDED
    assert await asyncio.wait_for(asyncio.gather(*codes), PATIENCE) == [late] * 3
    with pytest.raises((grpc.RpcError, asyncio.InvalidStateError)):
        await asyncio.wait_for(written, PATIENCE)
    waiting = asyncio.create_task(status_of(stub.Watch(Request())))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@resets_are_heard
@pytest.mark.parametrize("kind", ["grpcio_server", "bridge_server"])
@pytest.mark.parametrize("servicer", [Echo, AsyncEcho], ids=["functions", "coroutines"])
async def test_resets_under_load(kind: str, servicer: type[Servicer], request: pytest.FixtureRequest) -> None:
    """Each RPC has its own answer or is lost, and after the last reset all is well."""
    if (kind, servicer) == ("grpcio_server", AsyncEcho):
        kind = "aio_server"
    with Wire(request.getfixturevalue(kind)(servicer())) as wire:
        async with grpc_bridge.insecure_channel(wire.address, options=AT_ONCE) as channel:
            stub = stub_of(channel)
            async with Load(stub, 10) as load:
                for _ in range(5):
                    await load.more(20)
                    wire.reset()
            assert load.lost > 0
            await comes_back(stub)


@resets_are_heard
async def test_what_was_cut_off_leaves_nothing(bridge_server: Start) -> None:
    target = bridge_server(AsyncOpen())

    async def lose_one() -> None:
        with Wire(target) as wire:
            async with grpc_bridge.insecure_channel(wire.address, options=AT_ONCE) as channel:
                call = stub_of(channel).Watch(Request())
                await call.read()
                wire.reset()
                assert await status_of(call) in LOST

    await lose_one()
    before = footprint()
    for _ in range(10):
        await lose_one()
    await flat(before, PATIENCE)
