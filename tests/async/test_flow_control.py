"""A slow reader stops the writer: messages are counted where they are made."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, Start, serving_here, stub_of, until, wait_in_thread
from ..protos.exchange_pb2 import Reply, Request

PAYLOAD = bytes(64 * 1024)
MESSAGES = 2_000
"""125 MiB: many times what HTTP/2's windows and the kernel's buffers hold."""
FEW = 100
"""More than a window that stays as it is holds, with room to spare."""
FIXED_WINDOW = (("grpc.http2.bdp_probe", 0),)
"""For who reads: C-core widens its window as it sees fit, on a slow machine to tens of MiB."""


class Producer(Echo):
    def __init__(self) -> None:
        self.made = 0

    def Watch(self, request, context):
        for number in range(MESSAGES):
            self.made += 1
            yield Reply(number=number, payload=PAYLOAD)


class AsyncProducer(AsyncEcho):
    def __init__(self) -> None:
        self.made = 0

    async def Watch(self, request, context):
        for number in range(MESSAGES):
            self.made += 1
            yield Reply(number=number, payload=PAYLOAD)


class SlowReader(Echo):
    """Reads one request, then none until it is released."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()

    def Collect(self, request_iterator, context):
        total = next(request_iterator).number
        self.entered.set()
        self.release.wait(PATIENCE)
        return Reply(number=total + sum(request.number for request in request_iterator))


class AsyncSlowReader(AsyncEcho):
    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()

    async def Collect(self, request_iterator, context):
        total = (await anext(request_iterator)).number
        self.entered.set()
        await wait_in_thread(self.release)
        return Reply(number=total + sum([request.number async for request in request_iterator]))


async def give_it_time(stub: Any) -> None:
    """As long as a writer that nothing stops would need: measured in calls on the same connection."""
    for _ in range(5):
        await asyncio.gather(*(stub.Ask(Request()) for _ in range(100)))


@pytest.fixture(params=["grpc.server", "ours, functions", "ours, coroutines"])
def producer(request: pytest.FixtureRequest) -> Any:
    return AsyncProducer() if request.param == "ours, coroutines" else Producer()


@pytest.fixture
def producing(request: pytest.FixtureRequest, producer: Any) -> str:
    kind = request.node.callspec.params["producer"]
    start = request.getfixturevalue("grpcio_server" if kind == "grpc.server" else "bridge_server")
    target: str = start(producer)
    return target


async def test_a_slow_client_stops_the_server(producer: Any, producing: str) -> None:
    async with grpc_bridge.insecure_channel(producing, FIXED_WINDOW) as channel:
        stub = stub_of(channel)
        call = stub.Watch(Request())
        assert (await anext(aiter(call))).number == 0
        await give_it_time(stub)
        assert producer.made < FEW
        # Reading on brings the rest, in order.
        assert [reply.number async for reply in call] == list(range(1, MESSAGES))
        assert producer.made == MESSAGES


async def test_a_slow_client_stops_the_server_on_its_own_loop() -> None:
    producer = AsyncProducer()
    async with (
        serving_here(producer) as target,
        grpc_bridge.insecure_channel(target, FIXED_WINDOW) as channel,
    ):
        stub = stub_of(channel)
        call = stub.Watch(Request())
        assert (await anext(aiter(call))).number == 0
        await give_it_time(stub)
        assert producer.made < FEW
        call.cancel()


@pytest.mark.parametrize("peer", ["grpc.server", "ours, functions", "ours, coroutines"])
@pytest.mark.parametrize("requests", ["async iterator", "iterator", "written"])
async def test_a_slow_server_stops_the_client(
    peer: str, requests: str, grpcio_server: Start, bridge_server: Start
) -> None:
    made = 0

    def sync_requests() -> Iterator[Request]:
        nonlocal made
        for _ in range(MESSAGES):
            made += 1
            yield Request(number=1, payload=PAYLOAD)

    async def async_requests() -> AsyncIterator[Request]:
        for request in sync_requests():
            yield request

    async def write_all(call: Any) -> None:
        for request in sync_requests():
            await call.write(request)
        await call.done_writing()

    servicer = AsyncSlowReader() if peer == "ours, coroutines" else SlowReader()
    target = (grpcio_server if peer == "grpc.server" else bridge_server)(servicer, options=FIXED_WINDOW)
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        writing = None
        if requests == "written":
            call = stub.Collect()
            writing = asyncio.create_task(write_all(call))
        else:
            call = stub.Collect(async_requests() if requests == "async iterator" else sync_requests())
        await wait_in_thread(servicer.entered)
        await give_it_time(stub)
        assert made < FEW
        servicer.release.set()
        assert (await call).number == MESSAGES
        assert made == MESSAGES
        if writing is not None:
            await writing


async def test_a_reader_that_waits_reads_one_message_ahead(grpcio_server: Start) -> None:
    """One request in each direction at a time: nothing is taken from the iterator before it can go."""
    taken = 0

    def requests() -> Iterator[Request]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield Request(number=number, payload=bytes(4 * 1024 * 1024 - 1024))

    class Reader(SlowReader):
        pass

    servicer = Reader()
    async with grpc_bridge.insecure_channel(grpcio_server(servicer, options=FIXED_WINDOW)) as channel:
        stub = stub_of(channel)
        call = stub.Collect(requests())
        await wait_in_thread(servicer.entered)
        await give_it_time(stub)
        assert taken < 10
        call.cancel()
        servicer.release.set()
        await until(call.done)
