"""The collector, run in the middle of everything.

Before Python 3.12 it may run wherever a tuple or a list is made, also in compiled code, and what it collects
may let another thread go on: a state that is tested before and changed after is then no longer what it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import grpc_bridge

from ..collector import interfering
from ..conftest import AsyncEcho, Echo, Start, serving_here, stub_of
from ..protos.exchange_pb2 import Request

CALLS = 200


@pytest.fixture(autouse=True)
def others_go_on_when_it_collects() -> Iterator[None]:
    with interfering():
        yield


async def watch(stub: Any) -> int:
    return len([reply async for reply in stub.Watch(Request(number=5))])


async def talk(stub: Any) -> int:
    call = stub.Talk()
    for number in range(5):
        await call.write(Request(number=number))
    await call.done_writing()
    return len([reply async for reply in call])


async def collect(stub: Any) -> int:
    call = stub.Collect()
    # Not one after the other: all but the first have to wait for their turn.
    await asyncio.gather(*(call.write(Request(number=1)) for _ in range(5)))
    await call.done_writing()
    return (await call).number


@pytest.mark.parametrize("ask", [watch, talk, collect])
async def test_streams_of_one_loop(ask: Any) -> None:
    async with serving_here() as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        assert await asyncio.gather(*(ask(stub) for _ in range(CALLS))) == [5] * CALLS


@pytest.mark.parametrize("ask", [watch, talk, collect])
@pytest.mark.parametrize("servicer", [Echo, AsyncEcho], ids=["functions", "coroutines"])
async def test_streams_of_a_server_elsewhere(ask: Any, servicer: type, bridge_server: Start) -> None:
    async with grpc_bridge.insecure_channel(bridge_server(servicer())) as channel:
        stub = stub_of(channel)
        assert await asyncio.gather(*(ask(stub) for _ in range(CALLS))) == [5] * CALLS
