"""Cancelled streams of generators give their threads back: calls, the server's end and the process go on.

On `grpc.aio.server` each cancelled stream of a generator keeps a worker of the pool for good, and the end of
the process waits for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Start, serving_here, stub_of
from ..protos.exchange_pb2 import Reply, Request
from .conftest import Run

THREADS = 3


class Endless(AsyncEcho):
    """Streams without end from generators; a function and coroutines beside them."""

    def __init__(self) -> None:
        self.closed = threading.Semaphore(0)

    def Ask(self, request, context):
        return Reply(text=request.text.upper())

    def Watch(self, request, context):
        try:
            while True:
                yield Reply(payload=request.payload)
        except GeneratorExit:
            self.closed.release()
            raise

    def Talk(self, request_iterator, context):
        try:
            while True:
                yield Reply()
        except GeneratorExit:
            self.closed.release()
            raise


@pytest.fixture
def pool() -> Iterator[futures.ThreadPoolExecutor]:
    with futures.ThreadPoolExecutor(THREADS) as executor:
        yield executor


@pytest.fixture(params=["from sync code", "in a coroutine"])
async def serve(
    request: pytest.FixtureRequest, bridge_server: Start, pool: futures.Executor
) -> AsyncIterator[Callable[[], tuple[Endless, str]]]:
    servicer = Endless()
    if request.param == "from sync code":
        yield lambda: (servicer, bridge_server(servicer, thread_pool=pool))
    else:
        async with serving_here(servicer, thread_pool=pool) as target:
            yield lambda: (servicer, target)


def all_at_once(pool: futures.ThreadPoolExecutor) -> None:
    """Passes only when every worker is free."""
    meeting = threading.Barrier(THREADS, timeout=PATIENCE)
    for worker in [pool.submit(meeting.wait) for _ in range(THREADS)]:
        worker.result(PATIENCE)


def closed(servicer: Endless) -> bool:
    return servicer.closed.acquire(timeout=PATIENCE)


# One message takes the stream as far as its first write; large ones stop in a write that nobody reads.
@pytest.mark.parametrize("size", [0, 1 << 16])
@pytest.mark.parametrize("method", ["Watch", "Talk"])
@pytest.mark.parametrize("rounds", [1, 2])
def test_in_threads(method: str, size: int, rounds: int, bridge_server: Start, pool: Any) -> None:
    servicer = Endless()
    with grpc_bridge.insecure_channel(bridge_server(servicer, thread_pool=pool)) as channel:
        stub = stub_of(channel)
        for _ in range(rounds):
            argument = Request(payload=bytes(size)) if method == "Watch" else iter(())
            calls = [getattr(stub, method)(argument) for _ in range(THREADS)]
            for call in calls:
                next(call)
            for call in calls:
                call.cancel()
            assert all(closed(servicer) for _ in calls)
            assert stub.Ask(Request(text="free"), timeout=PATIENCE).text == "FREE"
    all_at_once(pool)


async def begun(stub: Any, method: str, timeout: float | None) -> list[Any]:
    """Streams whose generators run; with a deadline that is as short as leaves them time to begin."""
    while True:
        argument = Request() if method == "Watch" else []
        calls = [getattr(stub, method)(argument, timeout=timeout) for _ in range(THREADS)]
        try:
            for call in calls:
                await call.read()
        except grpc.RpcError:
            assert timeout is not None
            timeout *= 2
        else:
            return calls


@pytest.mark.parametrize("method", ["Watch", "Talk"])
@pytest.mark.parametrize("end", ["cancelled", "dropped", "deadline"])
async def test_in_coroutines(method: str, end: str, serve: Any, pool: Any) -> None:
    servicer, target = serve()
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        calls = await begun(stub, method, 0.5 if end == "deadline" else None)
        for call in calls:
            if end == "cancelled":
                call.cancel()
            elif end == "deadline":
                assert await call.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        del call
        calls.clear()
        for _ in range(THREADS):
            assert await asyncio.to_thread(closed, servicer)
        assert (await stub.Ask(Request(text="free"), timeout=PATIENCE)).text == "FREE"
        await asyncio.to_thread(all_at_once, pool)


PROGRAM = """
    import asyncio, sys, threading
    from concurrent import futures
    import grpc_bridge as grpc
    from tests.conftest import LOOPBACK, stub_of
    from tests.protos import exchange_pb2_grpc
    from tests.protos.exchange_pb2 import Request
    from tests.users.test_item_01_cancelled_streams_free_their_threads import THREADS, Endless, closed

    def make(servicer):
        server = grpc.server(futures.ThreadPoolExecutor(THREADS))
        exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
        return server, server.add_insecure_port(LOOPBACK)

    def in_threads():
        servicer = Endless()
        server, port = make(servicer)
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            calls = [stub_of(channel).Watch(Request()) for _ in range(THREADS)]
            for call in calls:
                next(call)
                call.cancel()
            assert all(closed(servicer) for _ in calls)
        server.stop(None)
        print("stopped")

    async def in_coroutines():
        servicer = Endless()
        server, port = make(servicer)
        server.start()
        async with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            calls = [stub_of(channel).Watch(Request()) for _ in range(THREADS)]
            for call in calls:
                await call.read()
                call.cancel()
            for call in calls:
                assert await asyncio.to_thread(closed, servicer)
        await server.stop(None)
        print("stopped")

    if sys.argv[1] == "threads":
        in_threads()
    else:
        asyncio.run(in_coroutines())
"""


@pytest.mark.parametrize("where", ["threads", "coroutines"])
def test_the_server_and_the_process_end(where: str, run_program: Run) -> None:
    assert run_program(PROGRAM, where) == "stopped\n"
