"""Threads are for sync handlers, `max_workers` of them; `maximum_concurrent_rpcs` counts both colours."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent import futures
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Servicer, Start, serving_here, stub_of, until
from ..protos.exchange_pb2 import Reply, Request

STREAMS = 500
WORKERS = 8
STARTS = pytest.mark.parametrize("start", ["from sync code", "in a coroutine"])


class Busy(AsyncEcho):
    """A sync method whose runs are counted, and async streams that stay open."""

    def __init__(self) -> None:
        self.release, self.end = threading.Event(), threading.Event()
        self.lock = threading.Lock()
        self.running = self.most = self.open = 0

    def Ask(self, request, context):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.release.wait(PATIENCE)
        with self.lock:
            self.running -= 1
        return Reply(text=request.text)

    async def Watch(self, request, context):
        self.open += 1
        yield Reply()
        while not self.end.is_set():  # noqa: ASYNC110 - it is set in another thread
            await asyncio.sleep(0.05)


@pytest.fixture(params=["from sync code", "in a coroutine"])
async def served(request: pytest.FixtureRequest, bridge_server: Start) -> AsyncIterator[tuple[Busy, Any]]:
    servicer = Busy()
    with futures.ThreadPoolExecutor(WORKERS) as pool:
        if request.param == "from sync code":
            target = bridge_server(servicer, thread_pool=pool)
            async with grpc_bridge.insecure_channel(target) as channel:
                yield servicer, stub_of(channel)
        else:
            async with (
                serving_here(servicer, thread_pool=pool) as target,
                grpc_bridge.insecure_channel(target) as channel,
            ):
                yield servicer, stub_of(channel)
        servicer.release.set()
        servicer.end.set()


async def test_idle_streams_take_no_threads_while_functions_run(served: tuple[Busy, Any]) -> None:
    servicer, stub = served
    asked = [stub.Ask.future(Request(text=str(number))) for number in range(WORKERS)]
    await until(lambda: servicer.running == WORKERS)
    watching = [stub.Watch(Request()) for _ in range(2)]
    for call in watching:
        await call.read()
    threads = set(threading.enumerate())
    watching += [stub.Watch(Request()) for _ in range(STREAMS - 2)]
    for call in watching[2:]:
        await call.read()
    assert servicer.open == STREAMS
    assert set(threading.enumerate()) <= threads
    servicer.release.set()
    assert [(await call).text for call in asked] == [str(number) for number in range(WORKERS)]
    servicer.end.set()
    for call in watching:
        assert await call.read() is grpc.aio.EOF


async def test_max_workers_bounds_functions_and_nothing_else(served: tuple[Busy, Any]) -> None:
    servicer, stub = served
    asked = [stub.Ask.future(Request(text=str(number))) for number in range(3 * WORKERS)]
    await until(lambda: servicer.running == WORKERS)
    # All workers are taken and more RPCs wait for one; a coroutine is not among those that wait.
    assert (await stub.Collect([Request(number=3)], timeout=PATIENCE)).number == 3
    assert servicer.most == WORKERS
    servicer.release.set()
    assert [(await call).text for call in asked] == [str(number) for number in range(3 * WORKERS)]
    assert servicer.most == WORKERS


# ---- maximum_concurrent_rpcs -------------------------------------------------------------------------

LIMIT = 4


class Holds(Servicer):
    """Each of its RPCs stays until it is let go."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.entered = threading.Semaphore(0)

    def Ask(self, request, context):
        release = self.release
        self.entered.release()
        release.wait(PATIENCE)
        return Reply()

    async def Collect(self, request_iterator, context):
        release = self.release
        self.entered.release()
        while not release.is_set():  # noqa: ASYNC110 - it is set in another thread
            await asyncio.sleep(0.005)
        return Reply()


async def refused(call: Any) -> bool:
    try:
        await call
    except grpc.RpcError as error:
        status = (error.code(), error.details())
        if status != (grpc.StatusCode.RESOURCE_EXHAUSTED, "Concurrent RPC limit exceeded!"):
            raise
        return True
    return False


async def admitted(servicer: Holds, ask: Callable[[], Any]) -> Any:
    """An RPC that has come to its handler.

    A client may hear of the end of an RPC before the server has counted it out.
    """
    while True:
        call = ask()
        while not call.done():
            if servicer.entered.acquire(blocking=False):
                return call
            await asyncio.sleep(0.001)
        assert await refused(call)


async def wave(servicer: Holds, stub: Any, sync_calls: int, ending: str) -> None:
    """Fill the server up to its limit, find it full for both colours, and empty it."""
    # Handlers of the wave before that are yet to hear of theirs are not held by this one's.
    servicer.release = threading.Event()
    held = [await admitted(servicer, lambda: stub.Ask.future(Request())) for _ in range(sync_calls)]
    held += [await admitted(servicer, lambda: stub.Collect.future([])) for _ in range(LIMIT - sync_calls)]
    for _ in range(3):
        assert await refused(stub.Ask(Request()))
        assert await refused(stub.Collect([]))
    if ending == "cancelled":
        for call in held:
            call.cancel()
    servicer.release.set()
    for call in held:
        assert (await call.code() == grpc.StatusCode.OK) == (ending == "answered")


@STARTS
@pytest.mark.parametrize("sync_calls", [0, 2, LIMIT])
@pytest.mark.parametrize("ending", ["answered", "cancelled"])
async def test_the_limit_counts_both_colours_wave_after_wave(
    start: str, sync_calls: int, ending: str, bridge_server: Start
) -> None:
    servicer = Holds()
    options = {"maximum_concurrent_rpcs": LIMIT}
    if start == "from sync code":
        async with grpc_bridge.insecure_channel(bridge_server(servicer, **options)) as channel:
            for _ in range(3):
                await wave(servicer, stub_of(channel), sync_calls, ending)
    else:
        async with (
            serving_here(servicer, **options) as target,
            grpc_bridge.insecure_channel(target) as channel,
        ):
            for _ in range(3):
                await wave(servicer, stub_of(channel), sync_calls, ending)


async def test_what_a_handler_does_wrong_is_counted_out_too(bridge_server: Start) -> None:
    class Fails(Servicer):
        def Ask(self, request, context):
            raise ValueError(request.text)

        async def Collect(self, request_iterator, context):
            raise ValueError("at once")

        async def Talk(self, request_iterator, context):
            return 5

    target = bridge_server(Fails(), maximum_concurrent_rpcs=1)
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        for _ in range(20):
            for call in (stub.Ask.future(Request()), stub.Collect.future([]), stub.Talk([])):
                assert await call.code() in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.RESOURCE_EXHAUSTED)
        while await stub.Ask.future(Request()).code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
            pass
