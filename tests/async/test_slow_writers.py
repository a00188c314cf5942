"""Writers that are slow, or stop in the middle: each message arrives, deadlines hold, and nobody else waits.

Nothing here is slow by the clock: a writer stands still until the test has seen what it wants to see.
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

from ..conftest import PATIENCE, AsyncEcho, Echo, Start, stub_of, until
from ..footprint import flat, footprint
from ..load import begun, status_of
from ..protos.exchange_pb2 import Reply, Request

MESSAGES = 5


class Slow(Echo):
    """`Watch` sends its first response at once, and each other when it is let; it ends with its RPC."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []
        self.entered: list[None] = []
        self.over: list[None] = []
        self.requests: list[int] = []

    def let_go_on(self) -> None:
        # Those that stand still now: they may do so again before this is done.
        for _ in range(len(self.waiting)):
            self.waiting.pop(0)()

    def _enter(self, context: Any) -> None:
        def over() -> None:
            self.over.append(None)
            self.let_go_on()

        assert context.add_callback(over)
        self.entered.append(None)

    def Watch(self, request, context):
        self._enter(context)
        for number in range(request.number):
            if number:
                on = threading.Event()
                self.waiting.append(on.set)
                assert on.wait(PATIENCE)
            yield Reply(number=number)

    def Collect(self, request_iterator, context):
        self._enter(context)
        for request in request_iterator:
            self.requests.append(request.number)
        return Reply(number=len(self.requests))


class AsyncSlow(AsyncEcho, Slow):
    """The same in coroutines."""

    async def Watch(self, request, context):
        self._enter(context)
        for number in range(request.number):
            if number:
                on, loop = asyncio.Event(), asyncio.get_running_loop()
                self.waiting.append(lambda on=on, loop=loop: loop.call_soon_threadsafe(on.set))
                await asyncio.wait_for(on.wait(), PATIENCE)
            yield Reply(number=number)

    async def Collect(self, request_iterator, context):
        self._enter(context)
        async for request in request_iterator:
            self.requests.append(request.number)
        return Reply(number=len(self.requests))


POOL = 16
SERVERS = {
    "grpc.server": ("grpcio_server", Slow),
    "ours, functions": ("bridge_server", Slow),
    "ours, coroutines": ("bridge_server", AsyncSlow),
}


@pytest.fixture(params=SERVERS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Any, Any]]:
    """A servicer, and a stub for it."""
    fixture, kind = SERVERS[request.param]
    servicer, start = kind(), request.getfixturevalue(fixture)
    pool = futures.ThreadPoolExecutor(POOL)
    # The fixture gives grpcio's a pool of so many threads of its own.
    target = start(servicer) if fixture == "grpcio_server" else start(servicer, thread_pool=pool)
    async with grpc_bridge.insecure_channel(target) as channel:
        yield servicer, stub_of(channel)
    pool.shutdown()


# ---- slow, and whole ---------------------------------------------------------------------------------


async def test_a_server_that_writes_slowly(world: tuple[Any, Any]) -> None:
    servicer, stub = world
    call = stub.Watch(Request(number=MESSAGES), timeout=PATIENCE)
    assert (await call.read()).number == 0
    for number in range(1, MESSAGES):
        reading = asyncio.ensure_future(call.read())
        await until(lambda: servicer.waiting)
        assert not reading.done()
        servicer.let_go_on()
        assert (await reading).number == number
    assert await status_of(call) is grpc.StatusCode.OK


class Writer:
    """Makes one request each time it is let, in the way of its name."""

    WAYS = ("async iterator", "iterator", "written")

    def __init__(self, way: str) -> None:
        self._way = way
        self._turns = threading.Semaphore(0)
        self.closed = threading.Event()

    def let_go_on(self) -> None:
        self._turns.release()

    def start(self, method: Any, **options: Any) -> Any:
        if self._way == "written":
            call = method(**options)
            self.task = asyncio.create_task(self._write(call))
            return call
        return method(self._made() if self._way == "iterator" else self._made_on_loop(), **options)

    def _made(self) -> Iterator[Request]:
        try:
            for number in range(MESSAGES):
                assert self._turns.acquire(timeout=PATIENCE)
                yield Request(number=number, text="a")
        finally:
            self.closed.set()

    async def _made_on_loop(self) -> AsyncIterator[Request]:
        try:
            for number in range(MESSAGES):
                await until(lambda: self._turns.acquire(blocking=False))
                yield Request(number=number, text="a")
        finally:
            self.closed.set()

    async def _write(self, call: Any) -> None:
        async for request in self._made_on_loop():
            await call.write(request)
        await call.done_writing()


WAYS = pytest.mark.parametrize("way", Writer.WAYS)


@WAYS
async def test_a_client_that_writes_slowly(world: tuple[Any, Any], way: str) -> None:
    """Each request is answered while the writer thinks about the next."""
    _, stub = world
    writer = Writer(way)
    call = writer.start(stub.Talk, timeout=PATIENCE)
    for number in range(MESSAGES):
        reading = asyncio.ensure_future(call.read())
        await asyncio.sleep(0)
        assert not reading.done()
        writer.let_go_on()
        assert (await reading).number == 2 * number
    assert await status_of(call) is grpc.StatusCode.OK
    assert writer.closed.is_set()


# ---- those who stop ----------------------------------------------------------------------------------


async def test_a_deadline_ends_what_a_server_does_not_go_on_with(world: tuple[Any, Any]) -> None:
    servicer, stub = world
    call = await begun(
        lambda timeout: stub.Watch(Request(number=2), timeout=timeout), lambda call: call.read()
    )
    assert await status_of(call) is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(lambda: len(servicer.over) == len(servicer.entered))
    # Who has none goes on waiting, and gets what comes.
    call = stub.Watch(Request(number=2))
    await until(lambda: servicer.waiting)
    servicer.let_go_on()
    assert [reply.number async for reply in call] == [0, 1]


@WAYS
@pytest.mark.parametrize("then", ["goes on", "cancels", "runs out of time"])
async def test_a_client_that_stops_in_the_middle(world: tuple[Any, Any], way: str, then: str) -> None:
    """What it has sent has been read; others are served; the server learns how it goes on."""
    servicer, stub = world
    writers: list[Writer] = []

    def start(timeout: float) -> Any:
        servicer.requests.clear()
        writers.append(Writer(way))
        return writers[-1].start(stub.Collect, timeout=timeout if then == "runs out of time" else None)

    async def send_two(call: Any) -> None:
        for number in range(2):
            writers[-1].let_go_on()
            await until(lambda number=number: len(servicer.requests) > number or call.done())
        if call.done():
            await call

    call = await begun(start, send_two)
    writer = writers[-1]
    assert (await stub.Ask(Request(text="b"), timeout=PATIENCE)).text == "B"
    assert servicer.requests == [0, 1]
    if then == "goes on":
        for _ in range(2, MESSAGES):
            writer.let_go_on()
        assert (await call).number == MESSAGES
        assert servicer.requests == list(range(MESSAGES))
    else:
        if then == "cancels":
            call.cancel()
        expected = grpc.StatusCode.CANCELLED if then == "cancels" else grpc.StatusCode.DEADLINE_EXCEEDED
        assert await call.code() is expected
        # A function cannot be told while it stands still.
        for _ in range(MESSAGES):
            writer.let_go_on()
        if way == "written":
            with pytest.raises(asyncio.InvalidStateError):
                await writer.task
    await until(writer.closed.is_set)
    await until(lambda: len(servicer.over) == len(servicer.entered))


# ---- many --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SERVERS)
async def test_many_slow_ones_beside_quick_ones(kind: str, request: pytest.FixtureRequest) -> None:
    """While they all stand still the quick ones are served; and nothing is left of any of them."""
    fixture, servicer_type = SERVERS[kind]
    start: Start = request.getfixturevalue(fixture)
    servicer = servicer_type()
    # A function stands still in a thread of the server's.
    many = 200 if servicer_type is AsyncSlow else POOL // 2 - 1
    pool = futures.ThreadPoolExecutor(POOL)
    target = start(servicer) if fixture == "grpcio_server" else start(servicer, thread_pool=pool)

    async def requests(on: asyncio.Event) -> AsyncIterator[Request]:
        for number in range(3):
            yield Request(number=number, text="a")
            await on.wait()

    async def slow_and_quick(stub: Any, many: int) -> None:
        on = asyncio.Event()
        talks = [stub.Talk(requests(on)) for _ in range(many)]
        watches = [stub.Watch(Request(number=3)) for _ in range(many)]
        for call in (*talks, *watches):
            assert (await call.read()).number == 0
        await until(lambda: len(servicer.waiting) == many)
        for _ in range(10):
            quick = [stub.Ask(Request(text="a"), timeout=PATIENCE) for _ in range(10)]
            assert [reply.text for reply in await asyncio.gather(*quick)] == ["A"] * 10
        assert len(servicer.waiting) == many
        assert not any(call.done() for call in (*talks, *watches))
        on.set()
        for call in talks:
            assert [(await call.read()).number for _ in range(2)] == [2, 4]
            assert await status_of(call) is grpc.StatusCode.OK
        going_on = asyncio.gather(*(status_of(call) for call in watches))
        while not going_on.done():
            servicer.let_go_on()
            await asyncio.sleep(0.001)
        assert set(await going_on) == {grpc.StatusCode.OK}

    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        await slow_and_quick(stub, many)
        before = footprint()
        await slow_and_quick(stub, many)
        await flat(before, PATIENCE)
    pool.shutdown()
