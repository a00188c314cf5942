"""Messages of 100 MB, in both directions and colours; and what a limit says to one that is too long."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import Servicer, Start, stub_of
from ..protos.exchange_pb2 import Reply, Request

WHOLE = bool(os.environ.get("GRPC_BRIDGE_WHOLE"))
SIZE = 100_000_000
ANY_LENGTH = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))


class Returns(Servicer):
    """What it is sent, in functions and coroutines."""

    def Ask(self, request, context):
        return Reply(payload=request.payload)

    async def Watch(self, request, context):
        yield Reply(payload=request.payload)

    async def Collect(self, request_iterator, context):
        async for request in request_iterator:
            payload = request.payload
        return Reply(payload=payload)

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield Reply(payload=request.payload)


async def sent_and_received(stub: Any, request: Request) -> Any:
    async with stub.Talk() as call:
        await call.send(request)
        return await call.receive()


CALLS: dict[str, Callable[[Any, Request], Any]] = {
    "Ask": lambda stub, request: stub.Ask(request),
    "Watch": lambda stub, request: anext(aiter(stub.Watch(request))),
    "Collect": lambda stub, request: stub.Collect([request]),
    "Talk": sent_and_received,
    "Ask in a thread": lambda stub, request: asyncio.to_thread(stub.Ask, request),
}


@pytest.mark.parametrize("call", CALLS if WHOLE else ["Ask", "Talk"])
async def test_a_hundred_megabytes(call: str, bridge_server: Start) -> None:
    payload = bytes(range(256)) * (SIZE // 256)
    target = bridge_server(Returns(), options=ANY_LENGTH)
    async with grpc_bridge.insecure_channel(target, options=ANY_LENGTH) as channel:
        reply = await CALLS[call](stub_of(channel), Request(payload=payload))
    assert reply.payload == payload


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("limit", ["the client's", "the server's"])
async def test_more_than_a_limit(call: str, limit: str, bridge_server: Start) -> None:
    """It is refused, and the connection goes on."""
    options = (("grpc.max_receive_message_length", 1000),)
    target = bridge_server(Returns(), options=options if limit == "the server's" else ANY_LENGTH)
    async with grpc_bridge.insecure_channel(
        target, options=options if limit == "the client's" else ANY_LENGTH
    ) as channel:
        stub = stub_of(channel)
        with pytest.raises(grpc.RpcError) as caught:
            await CALLS[call](stub, Request(payload=bytes(1001)))
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await CALLS[call](stub, Request(payload=bytes(900)))).payload == bytes(900)
