"""Each style of reading and writing a stream works alone; two styles mixed are an error at once, or work.

On the client: `async for`, `anext()` and `read()`; a request iterator and `write()`. In a handler: `async
for` over the requests and `context.read()`; `yield` and `context.write()`. In no order, on no side, do they
hang.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Start, serving_here, stub_of, wait_in_thread
from ..protos.exchange_pb2 import Reply, Request

COUNT = 4


@pytest.fixture(params=["grpcio_server", "bridge_server", "aio_server"])
async def stub(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(request.getfixturevalue(request.param)()) as channel:
        yield stub_of(channel)


def requests() -> list[Request]:
    return [Request(number=number) for number in range(COUNT)]


# ---- each alone, on the client -----------------------------------------------------------------------


async def with_async_for(call: Any) -> list[int]:
    return [reply.number async for reply in call]


async def with_anext(call: Any) -> list[int]:
    numbers = []
    while True:
        try:
            numbers.append((await anext(call)).number)
        except StopAsyncIteration:
            return numbers


async def with_read(call: Any) -> list[int]:
    numbers = []
    while (reply := await call.read()) is not grpc.aio.EOF:
        numbers.append(reply.number)
    return numbers


READERS: dict[str, Callable[[Any], Awaitable[list[int]]]] = {
    "async for": with_async_for,
    "anext": with_anext,
    "read": with_read,
}


@pytest.mark.parametrize("style", READERS)
async def test_each_style_reads_a_stream_alone(stub: Any, style: str) -> None:
    assert await READERS[style](stub.Watch(Request(number=COUNT))) == list(range(COUNT))
    assert await READERS[style](stub.Talk(requests())) == [2 * number for number in range(COUNT)]
    # At the end, each goes on saying that it is the end.
    call = stub.Watch(Request(number=1))
    assert await READERS[style](call) == [0]
    assert await READERS[style](call) == []


def with_next(call: Any) -> list[int]:
    numbers = []
    while (reply := next(call, None)) is not None:
        numbers.append(reply.number)
    return numbers


@pytest.mark.parametrize(
    "read", [with_next, lambda call: [reply.number for reply in call]], ids=["next", "for"]
)
async def test_each_sync_style_reads_a_stream_alone(stub: Any, read: Callable[[Any], list[int]]) -> None:
    def in_thread() -> None:
        assert read(stub.Watch(Request(number=COUNT))) == list(range(COUNT))
        assert read(stub.Talk(iter(requests()))) == [2 * number for number in range(COUNT)]

    await asyncio.to_thread(in_thread)


@pytest.mark.parametrize("style", READERS)
async def test_each_style_reads_what_was_written_by_hand(stub: Any, style: str) -> None:
    call = stub.Talk()
    for request in requests():
        await call.write(request)
    await call.done_writing()
    assert await READERS[style](call) == [2 * number for number in range(COUNT)]


# ---- mixed, on the client ----------------------------------------------------------------------------


async def first_with(style: str, call: Any) -> int:
    if style == "async for":
        async for reply in call:
            return reply.number
    return (await (call.read() if style == "read" else anext(call))).number


CALLS: dict[str, Callable[[Any], Any]] = {
    "Watch": lambda stub: stub.Watch(Request(number=COUNT)),
    "Talk": lambda stub: stub.Talk([Request(number=number) for number in range(COUNT)]),
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(("first", "second"), [(a, b) for a in READERS for b in READERS if a != b])
async def test_two_styles_of_reading_raise_at_once_or_go_on(
    stub: Any, method: str, first: str, second: str
) -> None:
    call = CALLS[method](stub)
    await first_with(first, call)
    reading = asyncio.ensure_future(READERS[second](call))
    await asyncio.sleep(0)
    at_once = reading.done()
    try:
        rest = await asyncio.wait_for(reading, 20)
    except grpc.aio.UsageError:
        assert at_once
        # The call is none the worse for it.
        rest = await asyncio.wait_for(READERS[first](call), 20)
    assert len(rest) == COUNT - 1
    assert await call.code() is grpc.StatusCode.OK


async def test_async_for_and_read_are_the_two_styles_that_grpc_aio_keeps_apart(stub: Any) -> None:
    call = stub.Watch(Request(number=COUNT))
    await first_with("async for", call)
    with pytest.raises(grpc.aio.UsageError, match="read with async for or with read"):
        await call.read()
    call = stub.Watch(Request(number=COUNT))
    await first_with("read", call)
    with pytest.raises(grpc.aio.UsageError, match=r"read with read\(\) or with async for"):
        await first_with("async for", call)


class Held:
    """Requests that come once they are released, as an iterator of either colour; or at once, as a list."""

    def __init__(self, kind: str) -> None:
        self.release = threading.Event()
        self.requests = {
            "list": requests,
            "iterator": self._iterator,
            "async iterator": self._async_iterator,
        }[kind]()

    def _iterator(self) -> Iterator[Request]:
        self.release.wait(PATIENCE)
        yield from requests()

    async def _async_iterator(self) -> AsyncIterator[Request]:
        await wait_in_thread(self.release)
        for request in requests():
            yield request


WRITES: dict[str, Callable[[Any], Awaitable[None]]] = {
    "write": lambda call: call.write(Request(number=9)),
    "done_writing": lambda call: call.done_writing(),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("source", ["list", "iterator", "async iterator"])
@pytest.mark.parametrize("method", ["Collect", "Talk"])
async def test_writing_beside_an_iterator_raises_at_once(
    stub: Any, method: str, source: str, write: str
) -> None:
    held = Held(source)
    call = getattr(stub, method)(held.requests)
    writing = asyncio.ensure_future(WRITES[write](call))
    await asyncio.sleep(0)
    try:
        assert writing.done()
        with pytest.raises(grpc.aio.UsageError):
            await writing
        held.release.set()
        # The call is none the worse for it.
        if method == "Collect":
            assert (await call).number == sum(range(COUNT))
        else:
            assert await with_async_for(call) == [2 * number for number in range(COUNT)]
    finally:
        call.cancel()
        held.release.set()


@pytest.mark.parametrize("method", ["Watch", "Talk"])
async def test_two_readers_at_once_are_refused(stub: Any, method: str) -> None:
    call = stub.Watch(Request(number=COUNT)) if method == "Watch" else stub.Talk(requests())
    outcomes = await asyncio.wait_for(
        asyncio.gather(*(call.read() for _ in range(COUNT)), return_exceptions=True), 20
    )
    for outcome in outcomes:
        assert isinstance(outcome, Reply) or "at the same time" in str(outcome)
    call.cancel()


# ---- in a handler ------------------------------------------------------------------------------------


class Styles(AsyncEcho):
    """Reads and writes as the metadata of the RPC says: one style up to the middle, another after it."""

    async def Collect(self, request_iterator, context):
        return Reply(number=sum([request.number async for request in self._read(request_iterator, context)]))

    async def _read(self, request_iterator: Any, context: Any) -> AsyncIterator[Request]:
        before, after = context.invocation_metadata()["styles"].split(", ")
        for _ in range(COUNT // 2):
            yield await (context.read() if before == "read" else anext(aiter(request_iterator)))
        if after == "read":
            while (request := await context.read()) is not grpc.aio.EOF:
                yield request
        else:
            async for request in request_iterator:
                yield request

    async def Watch(self, request, context):
        before, after = context.invocation_metadata()["styles"].split(", ")
        for number in range(request.number):
            style = before if number < request.number // 2 else after
            if style == "write":
                await context.write(Reply(number=number))
            else:
                yield Reply(number=number)


class Writes(AsyncEcho):
    """A handler of a response stream that is a coroutine."""

    async def Watch(self, request, context):
        for number in range(request.number):
            await context.write(Reply(number=number))

    async def Talk(self, request_iterator, context):
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(Reply(number=2 * request.number))


@pytest.fixture(params=["from sync code", "in a coroutine"])
async def serve(request: pytest.FixtureRequest, bridge_server: Start) -> AsyncIterator[Callable[[Any], Any]]:
    def start(servicer: Any) -> Any:
        return bridge_server(servicer)

    if request.param == "from sync code":
        yield start
    else:
        async with serving_here(Styles()) as styles, serving_here(Writes()) as writes:
            yield lambda servicer: styles if isinstance(servicer, Styles) else writes


@pytest.mark.parametrize("before", ["read", "async for"])
@pytest.mark.parametrize("after", ["read", "async for"])
async def test_a_handler_reads_in_either_style_and_both(serve: Any, before: str, after: str) -> None:
    async with grpc_bridge.insecure_channel(serve(Styles())) as channel:
        call = stub_of(channel).Collect(
            requests(), metadata=(("styles", f"{before}, {after}"),), timeout=PATIENCE
        )
        assert (await call).number == sum(range(COUNT))


@pytest.mark.parametrize("before", ["write", "yield"])
@pytest.mark.parametrize("after", ["write", "yield"])
async def test_a_handler_writes_in_either_style_and_both(serve: Any, before: str, after: str) -> None:
    async with grpc_bridge.insecure_channel(serve(Styles())) as channel:
        call = stub_of(channel).Watch(
            Request(number=COUNT), metadata=(("styles", f"{before}, {after}"),), timeout=PATIENCE
        )
        assert await with_async_for(call) == list(range(COUNT))


async def test_a_coroutine_handler_reads_and_writes_by_hand(serve: Any) -> None:
    async with grpc_bridge.insecure_channel(serve(Writes())) as channel:
        stub = stub_of(channel)
        assert await with_async_for(stub.Watch(Request(number=COUNT), timeout=20)) == list(range(COUNT))
        assert await with_async_for(stub.Talk(requests(), timeout=20)) == [0, 2, 4, 6]
