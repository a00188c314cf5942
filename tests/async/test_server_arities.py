"""Our server, handlers of either colour, started in both colours, with clients of every make."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import AsyncEcho, Echo, Start, serving_here, stub_of
from ..protos.exchange_pb2 import Request

COLOURS = pytest.mark.parametrize("servicer", [Echo, AsyncEcho], ids=["functions", "coroutines"])
STARTS = pytest.mark.parametrize("start", ["from sync code", "in a coroutine"])


def plain_numbers(count: int) -> Iterator[Request]:
    for number in range(count):
        yield Request(number=number)


async def numbers(count: int) -> AsyncIterator[Request]:
    for number in range(count):
        yield Request(number=number)


def use_in_thread(channel: Any) -> None:
    stub = stub_of(channel)
    reply, call = stub.Ask.with_call(Request(text="hello"), timeout=10)
    assert (reply.text, call.code()) == ("HELLO", grpc.StatusCode.OK)
    assert ("asked", "hello") in call.trailing_metadata()
    assert [reply.number for reply in stub.Watch(Request(number=20))] == list(range(20))
    assert stub.Collect(plain_numbers(20)).number == 190
    assert [reply.number for reply in stub.Talk(plain_numbers(20))] == list(range(0, 40, 2))


async def use_in_coroutine(channel: Any) -> None:
    stub = stub_of(channel)
    call = stub.Ask(Request(text="hello"), timeout=10)
    assert (await call).text == "HELLO"
    assert ("asked", "hello") in tuple(await call.trailing_metadata())
    assert [reply.number async for reply in stub.Watch(Request(number=20))] == list(range(20))
    assert (await stub.Collect(numbers(20))).number == 190
    assert [reply.number async for reply in stub.Talk(numbers(20))] == list(range(0, 40, 2))


def use_grpcio(target: str) -> None:
    with grpc.insecure_channel(target) as channel:
        use_in_thread(channel)


def use_ours_in_thread(target: str) -> None:
    with grpc_bridge.insecure_channel(target) as channel:
        use_in_thread(channel)


async def use_everything(target: str) -> None:
    await asyncio.to_thread(use_grpcio, target)
    await asyncio.to_thread(use_ours_in_thread, target)
    async with grpc.aio.insecure_channel(target) as channel:
        await use_in_coroutine(channel)
    async with grpc_bridge.insecure_channel(target) as channel:
        await use_in_coroutine(channel)


@COLOURS
def test_started_from_sync_code_without_any_loop(servicer: type, bridge_server: Start) -> None:
    target = bridge_server(servicer())
    use_grpcio(target)
    use_ours_in_thread(target)


@COLOURS
async def test_started_from_sync_code_used_in_a_coroutine(servicer: type, bridge_server: Start) -> None:
    await use_everything(bridge_server(servicer()))


@COLOURS
async def test_started_in_a_coroutine(servicer: type) -> None:
    async with serving_here(servicer()) as target:
        await use_everything(target)


@COLOURS
@STARTS
async def test_many_at_once(servicer: type, start: str, bridge_server: Start) -> None:
    async def burst(target: str) -> None:
        async with grpc_bridge.insecure_channel(target) as channel:
            stub = stub_of(channel)
            calls = [stub.Ask(Request(number=number)) for number in range(100)]
            assert [reply.number for reply in await asyncio.gather(*calls)] == list(range(100))
            collected = await asyncio.gather(*(stub.Collect(numbers(10)) for _ in range(20)))
            assert {reply.number for reply in collected} == {45}

    if start == "from sync code":
        await burst(bridge_server(servicer()))
    else:
        async with serving_here(servicer()) as target:
            await burst(target)


class Mixed(Echo):
    """Two handlers of each colour."""

    Ask = AsyncEcho.Ask
    Talk = AsyncEcho.Talk


@STARTS
async def test_both_colours_in_one_servicer(start: str, bridge_server: Start) -> None:
    if start == "from sync code":
        await use_everything(bridge_server(Mixed()))
    else:
        async with serving_here(Mixed()) as target:
            await use_everything(target)
