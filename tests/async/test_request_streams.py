"""What may be handed over as a request stream, and that none of it stops the loop."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import Echo, Start, stub_of, until, wait_in_thread
from ..protos.exchange_pb2 import Reply, Request

REQUESTS = [Request(number=number) for number in range(6)]


class WithAnextAlone:
    def __init__(self) -> None:
        self._left = list(REQUESTS)

    async def __anext__(self) -> Request:
        await asyncio.sleep(0)
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop(0)


class WithIterAndAnext(WithAnextAlone):
    """The request iterator of Option 1, as printed in the requirements."""

    def __iter__(self) -> WithIterAndAnext:
        return self


class AsyncIterable:
    def __aiter__(self) -> AsyncIterator[Request]:
        return async_generator()


class SyncIterable:
    def __iter__(self) -> Iterator[Request]:
        return iter(REQUESTS)


class Sequence:
    """Iterable by index alone."""

    def __len__(self) -> int:
        return len(REQUESTS)

    def __getitem__(self, index: int) -> Request:
        return REQUESTS[index]


async def async_generator() -> AsyncIterator[Request]:
    for request in REQUESTS:
        await asyncio.sleep(0)
        yield request


def generator() -> Iterator[Request]:
    yield from REQUESTS


def queue_until_none() -> Iterator[Request]:
    requests: queue.Queue[Request | None] = queue.Queue()
    for request in [*REQUESTS, None]:
        requests.put(request)
    return iter(requests.get, None)


KINDS: dict[str, Callable[[], Any]] = {
    "async generator": async_generator,
    "async iterable": AsyncIterable,
    "__anext__ alone": WithAnextAlone,
    "__iter__ and __anext__": WithIterAndAnext,
    "generator": generator,
    "iterable": SyncIterable,
    "iterator": lambda: iter(REQUESTS),
    "queue until None": queue_until_none,
    "list": lambda: REQUESTS,
    "tuple": lambda: tuple(REQUESTS),
    "deque": lambda: collections.deque(REQUESTS),
    "values of a dict": lambda: dict(enumerate(REQUESTS)).values(),
    "sequence": Sequence,
}


@pytest.fixture
def stub(grpcio_server: Start) -> Iterator[Any]:
    with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        yield stub_of(channel)


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_iterator_is_sent_whole(stub: Any, kind: str) -> None:
    assert (await stub.Collect(KINDS[kind]())).number == 15
    assert [reply.number async for reply in stub.Talk(KINDS[kind]())] == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize("empty", [list, tuple, lambda: iter(()), lambda: iter([])])
async def test_an_empty_stream_is_sent(stub: Any, empty: Callable[[], Any]) -> None:
    assert (await stub.Collect(empty())).number == 0


async def test_what_is_no_iterator_is_refused(stub: Any) -> None:
    with pytest.raises(TypeError, match="must be an iterator"):
        stub.Collect(7)


class Blocking:
    """Blocks in each step until it is let go on, and says when it does."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.release = threading.Event()
        self.thread: threading.Thread | None = None

    def __iter__(self) -> Blocking:
        return self

    def __next__(self) -> Request:
        self.thread = threading.current_thread()
        self.entered.set()
        self.release.wait()
        raise StopIteration


@pytest.mark.parametrize("method", ["Collect", "Talk"])
async def test_an_iterator_that_blocks_leaves_the_loop_alone(stub: Any, method: str) -> None:
    requests = Blocking()
    call = getattr(stub, method)(requests)
    await wait_in_thread(requests.entered)
    # The iterator stands still in `__next__`; a loop that did too could not make this call.
    assert (await stub.Ask(Request(text="alive"))).text == "ALIVE"
    assert requests.thread is not threading.current_thread()
    assert not call.done()
    requests.release.set()
    assert await call.code() == grpc.StatusCode.OK


async def test_a_queue_is_filled_while_it_is_read(stub: Any) -> None:
    requests: queue.Queue[Request | None] = queue.Queue()
    call = stub.Talk(iter(requests.get, None))
    for number in range(10):
        requests.put(Request(number=number))
        assert (await call.read()).number == number * 2
    requests.put(None)
    assert [reply async for reply in _rest(call)] == []


async def _rest(call: Any) -> AsyncIterator[Reply]:
    while (reply := await call.read()) is not grpc.aio.EOF:
        yield reply


async def test_many_blocked_iterators_at_once(stub: Any) -> None:
    queues: list[queue.Queue[Request | None]] = [queue.Queue() for _ in range(10)]
    calls = [stub.Collect(iter(requests.get, None)) for requests in queues]
    for requests in queues:
        for request in [*REQUESTS, None]:
            requests.put(request)
    assert [reply.number for reply in await asyncio.gather(*calls)] == [15] * 10


VARIABLE: contextvars.ContextVar[int] = contextvars.ContextVar("VARIABLE", default=0)


@pytest.mark.parametrize("colour", ["async", "sync"])
async def test_an_iterator_sees_the_callers_context_variables(stub: Any, colour: str) -> None:
    async def of_async() -> AsyncIterator[Request]:
        yield Request(number=VARIABLE.get())

    def of_sync() -> Iterator[Request]:
        yield Request(number=VARIABLE.get())

    VARIABLE.set(42)
    assert (await stub.Collect(of_async() if colour == "async" else of_sync())).number == 42


async def _all_of(call: Any) -> list[Reply]:
    return [reply async for reply in call]


class Broken(Exception):
    pass


@pytest.mark.parametrize("colour", ["async", "sync"])
@pytest.mark.parametrize("method", ["Collect", "Talk"])
async def test_an_iterator_that_raises_ends_the_call(stub: Any, colour: str, method: str) -> None:
    async def of_async() -> AsyncIterator[Request]:
        yield Request(number=1)
        raise Broken("no more")

    def of_sync() -> Iterator[Request]:
        yield Request(number=1)
        raise Broken("no more")

    call = getattr(stub, method)(of_async() if colour == "async" else of_sync())
    outcome = call if method == "Collect" else _all_of(call)
    with pytest.raises(grpc.RpcError) as caught:
        await outcome
    assert caught.value.code() == grpc.StatusCode.UNKNOWN
    assert caught.value.details() == "Exception iterating requests!"
    assert isinstance(caught.value.__cause__, Broken)


class EndsEarly(Echo):
    """Answers before the client has said everything."""

    def Collect(self, request_iterator, context):
        return Reply(number=next(request_iterator).number)


@pytest.mark.parametrize("colour", ["async", "sync"])
async def test_an_endless_stream_stops_when_the_call_ends(grpcio_server: Start, colour: str) -> None:
    stopped = threading.Event()

    async def of_async() -> AsyncIterator[Request]:
        try:
            while True:
                await asyncio.sleep(0)
                yield Request(number=7)
        finally:
            stopped.set()

    def of_sync() -> Iterator[Request]:
        try:
            while True:
                yield Request(number=7)
        finally:
            stopped.set()

    async with grpc_bridge.insecure_channel(grpcio_server(EndsEarly())) as channel:
        reply = await stub_of(channel).Collect(of_async() if colour == "async" else of_sync())
    assert reply.number == 7
    await until(stopped.is_set)
