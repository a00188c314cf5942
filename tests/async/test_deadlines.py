"""Deadlines that a coroutine hands on."""

from __future__ import annotations

import asyncio

import grpc

import grpc_bridge

from ..conftest import Servicer, serving_here, stub_of
from ..protos.exchange_pb2 import Reply, Request


class Relay(Servicer):
    """Asks the server behind it, with what time its own caller has left."""

    def __init__(self) -> None:
        self.behind: grpc.Channel | None = None

    async def Ask(self, request: Request, context: grpc.ServicerContext) -> Reply:
        if self.behind is None:
            return Reply(text="asked")
        return await stub_of(self.behind).Ask(request, timeout=context.time_remaining())


async def test_no_deadline_can_be_handed_on() -> None:
    relay = Relay()
    async with serving_here(Relay()) as behind, serving_here(relay) as front:
        relay.behind = grpc_bridge.insecure_channel(behind)
        async with grpc_bridge.insecure_channel(front) as channel:
            reply = await asyncio.wait_for(stub_of(channel).Ask(Request()), 10)
            assert reply.text == "asked"
            within = await stub_of(channel).Ask(Request(), timeout=10)
            assert within.text == "asked"
        await relay.behind.close()
