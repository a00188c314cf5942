"""grpc_status, as published: rich statuses from handlers of both colours, read from errors and from calls."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, Servicer, stub_of
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request
from .conftest import Serve

rpc_status = pytest.importorskip("grpc_status.rpc_status", reason="grpcio-status is not installed")

from google.protobuf import any_pb2  # noqa: E402
from google.rpc import code_pb2, error_details_pb2, status_pb2  # noqa: E402


def _rich() -> status_pb2.Status:
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ResourceInfo(resource_name="the last one"))
    return status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message="sold out", details=[detail])


class SoldOut(Servicer):
    def Ask(self, request, context):
        context.abort_with_status(rpc_status.to_status(_rich()))

    def Watch(self, request, context):
        yield Reply(number=1)
        context.abort_with_status(rpc_status.to_status(_rich()))


class AsyncSoldOut(Servicer):
    async def Ask(self, request, context):
        await context.abort_with_status(rpc_status.to_status(_rich()))

    async def Watch(self, request, context):
        yield Reply(number=1)
        await context.abort_with_status(rpc_status.to_status(_rich()))


@pytest.mark.parametrize("servicer", [SoldOut, AsyncSoldOut])
async def test_the_status_is_read_from_the_error(serve: Serve, caller: Any, servicer: Any) -> None:
    def build(server: Any) -> None:
        exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer(), server)

    async with serve(build) as target, grpc_bridge.insecure_channel(target) as channel:
        error = await caller.error(stub_of(channel).Ask, Request())
        assert rpc_status.from_call(error) == _rich()
        assert error.details() == "sold out"
        (reply,) = await caller.stream(stub_of(channel).Watch, Request(), 1)
        assert reply.number == 1


async def test_the_status_is_read_from_the_call(serve: Serve) -> None:
    def build(server: Any) -> None:
        exchange_pb2_grpc.add_ExchangeServicer_to_server(AsyncSoldOut(), server)

    async with serve(build) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        # The coroutine's way: the package's own function for grpc.aio.
        for call in (stub.Ask.future(Request()), stub.Watch(Request())):
            assert await rpc_status.aio.from_call(call) == _rich()
        # The sync way: in a callback, and in a thread, where the call answers with plain values.
        seen = asyncio.get_running_loop().create_future()
        call = stub.Ask.future(Request())
        call.add_done_callback(lambda done: seen.set_result(rpc_status.from_call(done)))
        assert await asyncio.wait_for(seen, PATIENCE) == _rich()
        assert await asyncio.to_thread(rpc_status.from_call, call) == _rich()

        def in_thread() -> Any:
            return rpc_status.from_call(stub.Ask.future(Request(), timeout=PATIENCE))

        assert await asyncio.to_thread(in_thread) == _rich()


async def test_a_plain_status_has_no_rich_one(serve: Serve, caller: Any) -> None:
    def build(server: Any) -> None:
        exchange_pb2_grpc.add_ExchangeServicer_to_server(Servicer(), server)

    async with serve(build) as target, grpc_bridge.insecure_channel(target) as channel:
        error = await caller.error(stub_of(channel).Ask, Request())
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED
        assert rpc_status.from_call(error) is None
