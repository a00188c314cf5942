"""Calls that arrive all at once: none is lost, whatever runs the handlers."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import AsyncEcho, Echo, Start, serving_here, stub_of
from ..protos.exchange_pb2 import Request

CALLS = 2_000


async def ask_all_at_once(target: str) -> None:
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        calls = [stub.Ask(Request(number=number)) for number in range(CALLS)]
        replies = await asyncio.gather(*calls, return_exceptions=True)
    assert [reply for reply in replies if isinstance(reply, BaseException)] == []
    assert [reply.number for reply in replies] == list(range(CALLS))


@pytest.mark.parametrize("servicer", [Echo, AsyncEcho], ids=["functions", "coroutines"])
async def test_two_thousand_calls_at_once(servicer: type, bridge_server: Start) -> None:
    await ask_all_at_once(bridge_server(servicer()))


@pytest.mark.parametrize("servicer", [Echo, AsyncEcho], ids=["functions", "coroutines"])
async def test_two_thousand_calls_at_once_on_the_clients_loop(servicer: type) -> None:
    async with serving_here(servicer()) as target:
        await ask_all_at_once(target)


async def test_two_thousand_streams_at_once() -> None:
    async def count(call: Any) -> int:
        return len([reply async for reply in call])

    async with serving_here() as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        counts = await asyncio.gather(*(count(stub.Watch(Request(number=2))) for _ in range(CALLS)))
    assert counts == [2] * CALLS


def test_two_thousand_futures_of_grpcios_own_client(bridge_server: Start) -> None:
    with grpc.insecure_channel(bridge_server(AsyncEcho())) as channel:
        stub = stub_of(channel)
        calls = [stub.Ask.future(Request(number=number)) for number in range(CALLS)]
        assert [call.result(30).number for call in calls] == list(range(CALLS))
