"""A handler that calls its own server, three deep, in every arity and colour.

tests/users/test_item_17_nested_colours.py has the nests whose colours alternate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import pytest

import grpc_bridge

from ..conftest import PATIENCE, Servicer, Start, in_plain_thread, serving_here, stub_of
from ..protos.exchange_pb2 import Reply, Request

DEPTH = 3


class Nested(Servicer):
    """Each method asks the same one of the same server."""

    stub: Any = None


class Functions(Nested):
    def Ask(self, request, context):
        if not request.number:
            return Reply(number=1)
        return Reply(number=1 + self.stub.Ask(Request(number=request.number - 1)).number)

    def Watch(self, request, context):
        if request.number:
            yield from self.stub.Watch(Request(number=request.number - 1))
        yield Reply(number=request.number)

    def Collect(self, request_iterator, context):
        [request] = list(request_iterator)
        if not request.number:
            return Reply(number=1)
        return Reply(number=1 + self.stub.Collect(iter([Request(number=request.number - 1)])).number)

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            if request.number:
                yield from self.stub.Talk(iter([Request(number=request.number - 1)]))
            yield Reply(number=request.number)


class Coroutines(Nested):
    async def Ask(self, request, context):
        if not request.number:
            return Reply(number=1)
        return Reply(number=1 + (await self.stub.Ask(Request(number=request.number - 1))).number)

    async def Watch(self, request, context):
        if request.number:
            async for reply in self.stub.Watch(Request(number=request.number - 1)):
                yield reply
        yield Reply(number=request.number)

    async def Collect(self, request_iterator, context):
        [request] = [request async for request in request_iterator]
        if not request.number:
            return Reply(number=1)
        return Reply(number=1 + (await self.stub.Collect([Request(number=request.number - 1)])).number)

    async def Talk(self, request_iterator, context):
        async for request in request_iterator:
            if request.number:
                async for reply in self.stub.Talk([Request(number=request.number - 1)]):
                    yield reply
            yield Reply(number=request.number)


ALL = list(range(DEPTH + 1))


async def of_a_coroutine(stub: Any) -> None:
    request = Request(number=DEPTH)
    assert (await stub.Ask(request)).number == DEPTH + 1
    assert [reply.number async for reply in stub.Watch(request)] == ALL
    assert (await stub.Collect([request])).number == DEPTH + 1
    assert [reply.number async for reply in stub.Talk([request, request])] == ALL * 2


def of_a_thread(stub: Any) -> None:
    request = Request(number=DEPTH)
    assert stub.Ask(request).number == DEPTH + 1
    assert [reply.number for reply in stub.Watch(request)] == ALL
    assert stub.Collect(iter([request])).number == DEPTH + 1
    assert [reply.number for reply in stub.Talk(iter([request, request]))] == ALL * 2


AT_ONCE = 5


@pytest.fixture
def pool() -> Iterator[futures.ThreadPoolExecutor]:
    """Threads for the functions that wait for one another, and no more."""
    with futures.ThreadPoolExecutor(AT_ONCE * (DEPTH + 1)) as pool:
        yield pool


@pytest.mark.parametrize("servicer", [Functions, Coroutines])
async def test_from_coroutines_at_once(servicer: type[Nested], pool: Any, bridge_server: Start) -> None:
    nested = servicer()
    async with grpc_bridge.insecure_channel(bridge_server(nested, thread_pool=pool)) as channel:
        nested.stub = stub_of(channel)
        work = asyncio.gather(*(of_a_coroutine(nested.stub) for _ in range(AT_ONCE)))
        await asyncio.wait_for(work, PATIENCE)


@pytest.mark.parametrize("servicer", [Functions, Coroutines])
async def test_on_the_clients_own_loop(servicer: type[Nested], pool: Any) -> None:
    nested = servicer()
    async with (
        serving_here(nested, thread_pool=pool) as target,
        grpc_bridge.insecure_channel(target) as channel,
    ):
        nested.stub = stub_of(channel)
        await asyncio.wait_for(of_a_coroutine(nested.stub), PATIENCE)


@pytest.mark.parametrize("servicer", [Functions, Coroutines])
@pytest.mark.parametrize("work", [of_a_thread, lambda stub: grpc_bridge.run(of_a_coroutine(stub))])
def test_from_a_thread(
    servicer: type[Nested], work: Callable[[Any], None], pool: Any, bridge_server: Start
) -> None:
    nested = servicer()
    with grpc_bridge.insecure_channel(bridge_server(nested, thread_pool=pool)) as channel:
        nested.stub = stub_of(channel)
        in_plain_thread(work, nested.stub)
