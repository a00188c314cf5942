"""RPCs that end well or badly leave no thread, socket, task or object of ours; `make soak` does more."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, Start, serving_here, stub_of
from ..footprint import flat, footprint
from ..protos.exchange_pb2 import Reply, Request

ROUNDS, CONCURRENCY = 10, 10


class Endless(Echo):
    def Ask(self, request, context):
        context.abort(grpc.StatusCode.ABORTED, request.text)

    def Watch(self, request, context):
        while context.is_active():
            yield Reply()


class AsyncEndless(AsyncEcho):
    async def Ask(self, request, context):
        await context.abort(grpc.StatusCode.ABORTED, request.text)

    async def Watch(self, request, context):
        while True:
            await asyncio.sleep(0)
            yield Reply()


async def every_arity(stub: Any) -> None:
    assert (await stub.Ask(Request(text="a"))).text == "A"
    assert len([reply async for reply in stub.Watch(Request(number=3))]) == 3
    assert (await stub.Collect([Request(number=1)] * 3)).number == 3
    assert len([reply async for reply in stub.Talk(iter([Request()] * 3))]) == 3


async def aborted(stub: Any) -> None:
    with pytest.raises(grpc.RpcError):
        await stub.Ask(Request(text="no"))


async def left_early(stub: Any) -> None:
    async for _ in stub.Watch(Request()):
        break


async def cancelled(stub: Any) -> None:
    call = stub.Watch(Request())
    await call.read()
    call.cancel()


async def too_late(stub: Any) -> None:
    with pytest.raises(grpc.RpcError):
        async for _ in stub.Watch(Request(), timeout=0.001):
            pass


def full_pool() -> futures.ThreadPoolExecutor:
    pool, together = futures.ThreadPoolExecutor(CONCURRENCY), threading.Barrier(CONCURRENCY)
    for waiting in [pool.submit(together.wait, PATIENCE) for _ in range(CONCURRENCY)]:
        waiting.result()
    return pool


def in_a_thread(stub: Any) -> None:
    assert stub.Ask(Request(text="a")).text == "A"
    assert len(list(stub.Watch(Request(number=3)))) == 3


USES: dict[str, tuple[Callable[[Any], Any], tuple[type, type]]] = {
    "every arity": (every_arity, (Echo, AsyncEcho)),
    "aborted": (aborted, (Endless, AsyncEndless)),
    "left early": (left_early, (Endless, AsyncEndless)),
    "cancelled": (cancelled, (Endless, AsyncEndless)),
    "too late": (too_late, (Endless, AsyncEndless)),
    "in a thread": (lambda stub: asyncio.to_thread(in_a_thread, stub), (Echo, AsyncEcho)),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("colour", ["functions", "coroutines"])
async def test_after_rpcs_everything_is_as_it_was(use: str, colour: str) -> None:
    work, servicers = USES[use]
    # Pools that have all their threads from the start.
    asyncio.get_running_loop().set_default_executor(full_pool())
    async with (
        serving_here(servicers[colour == "coroutines"](), thread_pool=full_pool()) as target,
        grpc_bridge.insecure_channel(target) as channel,
    ):
        stub = stub_of(channel)

        async def worker() -> None:
            for _ in range(ROUNDS):
                await work(stub)

        async def load() -> None:
            await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))

        await load()  # what is made once is made: threads of pools, caches
        before = footprint()
        await load()
        await flat(before, PATIENCE)


async def test_after_channels_and_servers_everything_is_as_it_was(bridge_server: Start) -> None:
    target = bridge_server(thread_pool=full_pool())

    async def use() -> None:
        async with grpc_bridge.insecure_channel(target) as channel, serving_here() as other:
            await every_arity(stub_of(channel))
            channel.subscribe(lambda _: None)
            async with grpc_bridge.insecure_channel(other) as second:
                await channel.channel_ready()
                await every_arity(stub_of(second))
        stub = stub_of(grpc_bridge.insecure_channel(target))
        await every_arity(stub)  # and dropped

    for _ in range(3):
        await use()
    before = footprint()
    for _ in range(10):
        await use()
    await flat(before, PATIENCE)


@pytest.fixture
async def waiting(bridge_server: Start) -> AsyncIterator[dict[str, Callable[[], Any]]]:
    """What is waited for in vain."""
    async with grpc_bridge.insecure_channel(bridge_server(AsyncEndless())) as channel:
        call = stub_of(channel).Talk()
        server = grpc_bridge.server()
        server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield {
            "a call's end": lambda: call.result(timeout=0),
            "a server's end": lambda: server.wait_for_termination(timeout=0),
        }
        call.cancel()
        await server.stop(None)


@pytest.mark.parametrize("what", ["a call's end", "a server's end"])
async def test_who_gives_up_waiting_is_forgotten(what: str, waiting: dict[str, Callable[[], Any]]) -> None:
    async def give_up() -> None:
        try:
            await waiting[what]()
        except grpc.FutureTimeoutError:
            pass

    def waiters() -> Iterator[asyncio.Future[Any]]:
        return (one for one in gc.get_objects() if type(one) is asyncio.Future)

    await give_up()
    before = sum(1 for _ in waiters())
    for _ in range(100):
        await give_up()
    assert sum(1 for _ in waiters()) <= before + 5
