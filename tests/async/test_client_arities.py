"""Our client in a coroutine and in a thread: four arities against servers of every make."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import AsyncEcho, Echo, stub_of, until
from ..protos.exchange_pb2 import Request

SERVERS: dict[str, tuple[str, type]] = {
    "grpc.server": ("grpcio_server", Echo),
    "grpc.aio.server": ("aio_server", AsyncEcho),
    "ours, functions": ("bridge_server", Echo),
    "ours, coroutines": ("bridge_server", AsyncEcho),
}


@pytest.fixture(params=SERVERS)
def stub(request: pytest.FixtureRequest) -> Iterator[Any]:
    fixture, servicer = SERVERS[request.param]
    target = request.getfixturevalue(fixture)(servicer())
    with grpc_bridge.insecure_channel(target) as channel:
        yield stub_of(channel)


async def numbers(count: int) -> AsyncIterator[Request]:
    for number in range(count):
        yield Request(number=number)


def plain_numbers(count: int) -> Iterator[Request]:
    for number in range(count):
        yield Request(number=number)


# ---- in a coroutine ----------------------------------------------------------------------------------


async def test_a_unary_call_is_awaited(stub: Any) -> None:
    reply = await stub.Ask(Request(text="hello", number=7), timeout=10)
    assert (reply.text, reply.number) == ("HELLO", 7)


async def test_a_unary_call_tells_its_end(stub: Any) -> None:
    call = stub.Ask(Request(text="hello"))
    assert (await call).text == "HELLO"
    assert call.done()
    assert not call.is_active()
    assert await call.code() == grpc.StatusCode.OK
    assert await call.details() == ""
    assert ("asked", "hello") in await call.trailing_metadata()
    assert await call.initial_metadata() is not None


async def test_a_call_may_be_awaited_twice(stub: Any) -> None:
    call = stub.Ask(Request(text="twice"))
    assert await call == await call


async def test_with_call_gives_the_reply_and_its_call(stub: Any) -> None:
    reply, call = await stub.Ask.with_call(Request(text="both"), timeout=10)
    assert reply.text == "BOTH"
    assert await call.code() == grpc.StatusCode.OK
    assert ("asked", "both") in await call.trailing_metadata()


async def test_a_future_is_awaited_asked_and_called_back(stub: Any) -> None:
    seen: list[Any] = []
    call = stub.Ask.future(Request(text="later"))
    call.add_done_callback(lambda done: seen.append((done is call, done.result().text, done.code())))
    assert (await call.result()).text == "LATER"
    assert await call.exception() is None
    assert (await call).text == "LATER"
    await until(lambda: seen)
    assert seen == [(True, "LATER", grpc.StatusCode.OK)]


async def test_calls_overlap(stub: Any) -> None:
    replies = await asyncio.gather(*(stub.Ask(Request(number=number)) for number in range(50)))
    assert [reply.number for reply in replies] == list(range(50))


async def test_responses_are_iterated(stub: Any) -> None:
    call = stub.Watch(Request(number=20))
    assert [reply.number async for reply in call] == list(range(20))
    assert await call.code() == grpc.StatusCode.OK


async def test_responses_are_read_one_by_one(stub: Any) -> None:
    call = stub.Watch(Request(number=2))
    assert (await call.read()).number == 0
    assert (await call.read()).number == 1
    assert await call.read() is grpc.aio.EOF


async def test_an_empty_response_stream_ends_at_once(stub: Any) -> None:
    assert [reply async for reply in stub.Watch(Request())] == []


async def test_requests_are_collected(stub: Any) -> None:
    assert (await stub.Collect(numbers(10))).number == 45
    reply, call = await stub.Collect.with_call(numbers(4))
    assert reply.number == 6
    assert await call.code() == grpc.StatusCode.OK
    assert (await stub.Collect.future(numbers(5))).number == 10


async def test_both_sides_stream(stub: Any) -> None:
    assert [reply.number async for reply in stub.Talk(numbers(20))] == list(range(0, 40, 2))


async def test_a_conversation_is_written_and_read(stub: Any) -> None:
    call = stub.Talk()
    for number in range(5):
        await call.write(Request(number=number))
        assert (await call.read()).number == number * 2
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() == grpc.StatusCode.OK


async def test_requests_are_written_by_hand(stub: Any) -> None:
    call = stub.Collect()
    for number in range(5):
        await call.write(Request(number=number))
    await call.done_writing()
    assert (await call).number == 10


# ---- in a thread -------------------------------------------------------------------------------------


def use_in_thread(stub: Any) -> None:
    assert stub.Ask(Request(text="hello"), timeout=10).text == "HELLO"
    reply, call = stub.Ask.with_call(Request(text="both"), timeout=10)
    assert (reply.text, call.code()) == ("BOTH", grpc.StatusCode.OK)
    assert stub.Ask.future(Request(text="later")).result(timeout=10).text == "LATER"
    assert [reply.number for reply in stub.Watch(Request(number=5))] == list(range(5))
    assert stub.Collect(plain_numbers(5)).number == 10
    assert stub.Collect.with_call(plain_numbers(5))[0].number == 10
    assert stub.Collect.future(plain_numbers(5)).result(timeout=10).number == 10
    assert [reply.number for reply in stub.Talk(plain_numbers(5))] == [0, 2, 4, 6, 8]


def test_a_thread_without_a_loop_blocks(stub: Any) -> None:
    use_in_thread(stub)


async def test_a_thread_beside_the_loop_blocks(stub: Any) -> None:
    in_thread = asyncio.create_task(asyncio.to_thread(use_in_thread, stub))
    assert (await stub.Ask(Request(text="meanwhile"))).text == "MEANWHILE"
    await in_thread


@pytest.mark.parametrize("use", [use_in_thread])
def test_a_thread_blocks_after_a_loop_has_used_the_channel(stub: Any, use: Callable[[Any], None]) -> None:
    async def first() -> None:
        assert (await stub.Ask(Request(text="first"))).text == "FIRST"

    asyncio.run(first())
    use(stub)
