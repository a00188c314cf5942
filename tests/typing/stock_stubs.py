"""Stock stubs, typed by mypy-protobuf and types-grpcio, in both colours; see calls.py for the comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange_pb2 import Reply, Request
from exchange_pb2_grpc import ExchangeServicer, ExchangeStub, add_ExchangeServicer_to_server

import grpc_bridge as grpc
from grpc_bridge import aio

if TYPE_CHECKING:
    from exchange_pb2_grpc import ExchangeAsyncStub


def in_a_thread() -> None:
    with grpc.insecure_channel("localhost:50051") as channel:
        stub: ExchangeStub = ExchangeStub(channel)
        reply: Reply = stub.Ask(Request(text="a"), timeout=1)
        _: str = stub.Ask(Request(text="a"))  # mypy
        stub.Ask(reply)  # mypy
        for one in stub.Watch(Request(number=1)):
            print(one.number)
            print(one.nothing)  # mypy
        answer, call = stub.Ask.with_call(Request())
        print(answer.text, call.code())


async def in_a_coroutine() -> None:
    async with grpc.insecure_channel("localhost:50051") as channel:
        stub: ExchangeAsyncStub = ExchangeStub(channel)
        reply: Reply = await stub.Ask(Request(text="a"), timeout=1)
        _: str = await stub.Ask(Request(text="a"))  # mypy
        await stub.Ask(reply)  # mypy
        async for one in stub.Watch(Request(number=1)):
            print(one.number)
            print(one.nothing)  # mypy


async def on_a_channel_of_our_aio() -> None:
    async with aio.insecure_channel("localhost:50051") as channel:
        stub = ExchangeStub(channel)  # the overload for grpc.aio's channels
        reply: Reply = await stub.Ask(Request(text="a"), timeout=1)
        _: str = await stub.Ask(Request(text="a"))  # mypy
        print(reply.text)


def serving(servicer: ExchangeServicer) -> None:
    server = grpc.server()
    add_ExchangeServicer_to_server(servicer, server)
    add_ExchangeServicer_to_server(servicer, aio.server())
