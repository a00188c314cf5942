"""One channel under everything at once: threads, loops, a loop that computes; and nobody is starved."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
import uvloop

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, LoopInThread, Start, stub_of, until
from ..protos.exchange_pb2 import Reply, Request


@pytest.fixture(params=["grpc.server", "ours, functions", "ours, coroutines"])
def stub(request: pytest.FixtureRequest) -> Iterator[Any]:
    fixture = "grpcio_server" if request.param == "grpc.server" else "bridge_server"
    target = request.getfixturevalue(fixture)(AsyncEcho() if request.param == "ours, coroutines" else Echo())
    with grpc_bridge.insecure_channel(target) as channel:
        yield stub_of(channel)


async def ask_many(stub: Any, calls: int, concurrency: int) -> None:
    """Unary calls, `concurrency` of them at any time; each has to have its own answer."""
    numbers = iter(range(calls))

    async def worker() -> None:
        for number in numbers:
            assert (await stub.Ask(Request(number=number))).number == number

    await asyncio.gather(*(worker() for _ in range(concurrency)))


async def stream_many(stub: Any, calls: int) -> None:
    for count in range(calls):
        assert len([reply async for reply in stub.Watch(Request(number=10))]) == 10
        assert [reply.number async for reply in stub.Talk([Request(number=count)] * 5)] == [2 * count] * 5


def ask_in_thread(stub: Any, calls: int) -> None:
    for number in range(calls):
        assert stub.Ask(Request(number=number)).number == number
        if number % 10 == 0:
            assert len(list(stub.Watch(Request(number=10)))) == 10


def test_threads_and_loops_hammer_one_channel(stub: Any, loop_in_thread: Callable[..., LoopInThread]) -> None:
    loops = [loop_in_thread(), loop_in_thread(uvloop.new_event_loop)]
    with futures.ThreadPoolExecutor(4) as pool:
        running: list[futures.Future[None]] = [pool.submit(ask_in_thread, stub, 100) for _ in range(4)]
        for loop in loops:
            running.append(loop.submit(ask_many(stub, 1000, 50)))
            running.append(loop.submit(stream_many(stub, 50)))
        for future in running:
            future.result(PATIENCE)


def test_two_loops_under_load_at_once(stub: Any, loop_in_thread: Callable[..., LoopInThread]) -> None:
    loops = [loop_in_thread(), loop_in_thread()]
    for future in [loop.submit(ask_many(stub, 1000, 200)) for loop in loops]:
        future.result(PATIENCE)


async def test_two_hundred_at_a_time(stub: Any) -> None:
    await ask_many(stub, 2000, 200)


def test_a_loop_under_load_does_not_starve_another(
    stub: Any, loop_in_thread: Callable[..., LoopInThread]
) -> None:
    busy, idle = loop_in_thread(), loop_in_thread()
    stop = threading.Event()

    async def load() -> int:
        rounds = 0
        while not stop.is_set():
            await ask_many(stub, 200, 200)
            rounds += 1
        return rounds

    loading = busy.submit(load())
    try:
        for _ in range(10):
            idle.run(ask_many(stub, 5, 1))
            idle.run(stream_many(stub, 1))
    finally:
        stop.set()
    loading.result(PATIENCE)


@pytest.mark.parametrize("how", ["computes", "blocks"])
def test_a_loop_that_stands_still_under_load_does_not_starve_another(
    stub: Any, loop_in_thread: Callable[..., LoopInThread], how: str
) -> None:
    """The busy loop holds the poller's turn when its user's code stops it."""
    busy, idle = loop_in_thread(), loop_in_thread()
    standing, release = threading.Event(), threading.Event()

    async def stand_still() -> None:
        calls = [asyncio.ensure_future(ask_many(stub, 400, 200))]
        while not standing.is_set():
            await asyncio.sleep(0)
            if calls[0].done():
                calls = [asyncio.ensure_future(ask_many(stub, 400, 200))]
            elif rounds_left.pop():
                standing.set()
        if how == "blocks":
            release.wait(PATIENCE)
        else:
            end = time.monotonic() + PATIENCE
            while not release.is_set() and time.monotonic() < end:
                sum(range(1000))
        await calls[0]

    rounds_left = [True] + [False] * 30
    stood = busy.submit(stand_still())
    assert standing.wait(PATIENCE)
    try:
        for _ in range(5):
            idle.run(ask_many(stub, 5, 5))
    finally:
        release.set()
    stood.result(PATIENCE)
    busy.run(ask_many(stub, 20, 5))


def test_standing_still_again_and_again(stub: Any, loop_in_thread: Callable[..., LoopInThread]) -> None:
    """The turn changes hands many times."""
    loops = [loop_in_thread() for _ in range(3)]

    async def stop_and_go() -> None:
        for _ in range(15):
            calls = asyncio.ensure_future(ask_many(stub, 60, 60))
            await asyncio.sleep(0.001)
            time.sleep(0.006)  # noqa: ASYNC251 - longer than the poller's patience: the turn has to be taken away
            await calls

    for future in [loop.submit(stop_and_go()) for loop in loops]:
        future.result(PATIENCE)


@pytest.mark.parametrize("start", ["grpcio_server", "bridge_server"])
async def test_streams_and_unary_calls_side_by_side(start: str, request: pytest.FixtureRequest) -> None:
    start_server: Start = request.getfixturevalue(start)
    async with grpc_bridge.insecure_channel(start_server()) as channel:
        stub = stub_of(channel)
        await asyncio.gather(ask_many(stub, 500, 100), *(stream_many(stub, 10) for _ in range(10)))


# ---- load held ---------------------------------------------------------------------------------------

STREAMS = 10_000


class Holds(AsyncEcho):
    """Streams that stay open, counted; and functions that keep their threads."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Semaphore(0), threading.Event()
        self.opened = self.most = self.ended = 0

    def Ask(self, request, context):
        self.entered.release()
        self.release.wait(2 * PATIENCE)
        return Reply(text="held")

    async def Talk(self, request_iterator, context):
        self.opened += 1
        self.most = max(self.most, self.opened - self.ended)
        async for request in request_iterator:
            yield Reply(number=request.number)
        self.ended += 1


async def test_ten_thousand_streams_beside_two_busy_threads(bridge_server: Start) -> None:
    """All open at once, all served twice, while both threads of the pool are taken; with no thread more."""
    servicer = Holds()
    with futures.ThreadPoolExecutor(2) as pool:
        target = bridge_server(servicer, thread_pool=pool)
        async with grpc_bridge.insecure_channel(target) as channel:
            stub = stub_of(channel)
            held = [stub.Ask.future(Request()) for _ in range(2)]
            for _ in held:
                assert await asyncio.to_thread(servicer.entered.acquire, timeout=PATIENCE)
            calls = [stub.Talk()]
            await calls[0].send(Request(number=0))
            assert (await calls[0].receive()).number == 0
            threads = set(threading.enumerate())
            for number in range(1, STREAMS):
                calls.append(stub.Talk())
                await calls[-1].send(Request(number=number))
            assert [(await call.receive()).number for call in calls[1:]] == list(range(1, STREAMS))
            assert (servicer.opened, servicer.most, servicer.ended) == (STREAMS, STREAMS, 0)
            assert set(threading.enumerate()) <= threads
            assert not any(call.done() for call in held)
            for number, call in enumerate(calls):
                await call.send(Request(number=-number))
                await call.done_sending()
            assert [(await call.receive()).number for call in calls] == [-n for n in range(STREAMS)]
            for call in calls:
                assert await call.code() == grpc.StatusCode.OK
            assert servicer.ended == STREAMS
            servicer.release.set()
            assert [(await call).text for call in held] == ["held"] * 2


OPEN = 6_000
"""Streams whose ends would take longer than PATIENCE if each were lent to a loop that does not take it."""


def test_a_channel_is_closed_at_once_while_thousands_of_its_streams_are_open(
    bridge_server: Start, loop_in_thread: Callable[..., LoopInThread]
) -> None:
    """Their loop waits for their ends in `close`, and cannot take the turn that it might be lent for each."""
    servicer = Holds()
    target = bridge_server(servicer)

    async def close_under_streams() -> set[grpc.StatusCode]:
        channel = grpc_bridge.insecure_channel(target)
        calls = [stub_of(channel).Talk() for _ in range(OPEN)]
        await until(lambda: servicer.opened == OPEN)
        await channel.close()
        return {await call.code() for call in calls}

    assert loop_in_thread().run(close_under_streams()) == {grpc.StatusCode.CANCELLED}
