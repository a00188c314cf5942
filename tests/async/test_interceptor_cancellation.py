"""A task is cancelled that waits for an intercepted call: what its interceptor has begun is ended."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import AsyncEcho, Start, stub_of, until
from ..protos.exchange_pb2 import Reply, Request


class Wrapping(grpc.UnaryStreamClientInterceptor, grpc.UnaryUnaryClientInterceptor):
    """Goes on in a generator of its own, as tracing does; and waits for a unary call."""

    def __init__(self) -> None:
        self.began = self.ended = 0

    def intercept_unary_stream(self, continuation, client_call_details, request):
        self.began += 1
        try:
            yield from continuation(client_call_details, request)
        finally:
            self.ended += 1

    def intercept_unary_unary(self, continuation, client_call_details, request):
        self.began += 1
        try:
            call = continuation(client_call_details, request)
            call.result()
            return call
        finally:
            self.ended += 1


class Slow(AsyncEcho):
    async def Ask(self, request, context):
        await asyncio.get_running_loop().create_future()

    async def Watch(self, request, context):
        yield Reply()
        await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("steps", range(6))
async def test_a_stream(bridge_server: Start, steps: int) -> None:
    interceptor = Wrapping()
    channel = grpc_bridge.intercept_channel(grpc_bridge.insecure_channel(bridge_server(Slow())), interceptor)
    async with channel:
        read = 0

        async def consume() -> None:
            nonlocal read
            async for _ in stub_of(channel).Watch(Request()):
                read += 1

        for taken in (0, 1):
            task = asyncio.create_task(consume())
            await until(lambda taken=taken: read >= taken)
            await _cancelled_after(task, steps)
            gc.collect()
            await until(lambda: interceptor.ended == interceptor.began)


class CancelsAtResponse(Wrapping):
    """Has the task cancelled that waits for it, when the response is there and the task does not know yet."""

    task: asyncio.Task[Any]

    def intercept_unary_stream(self, continuation, client_call_details, request):
        self.began += 1
        try:
            for response in continuation(client_call_details, request):
                asyncio.get_running_loop().call_soon(self.task.cancel)
                yield response
        finally:
            self.ended += 1


async def test_a_stream_whose_response_is_on_its_way(bridge_server: Start) -> None:
    interceptor = CancelsAtResponse()
    channel = grpc_bridge.intercept_channel(grpc_bridge.insecure_channel(bridge_server(Slow())), interceptor)
    async with channel:
        call = stub_of(channel).Watch(Request())

        async def consume() -> None:
            await anext(call)

        interceptor.task = asyncio.create_task(consume())
        with pytest.raises(asyncio.CancelledError):
            await interceptor.task
        # The call is still held here, so nobody collects it.
        await until(lambda: interceptor.ended == 1)
        await until(call.done)


@pytest.mark.parametrize("steps", range(6))
async def test_a_response(bridge_server: Start, steps: int) -> None:
    interceptor = Wrapping()
    channel = grpc_bridge.intercept_channel(grpc_bridge.insecure_channel(bridge_server(Slow())), interceptor)
    async with channel:

        async def consume() -> Any:
            return await stub_of(channel).Ask(Request())

        task = asyncio.create_task(consume())
        await _cancelled_after(task, steps)
        gc.collect()
        await until(lambda: interceptor.ended == interceptor.began)


async def _cancelled_after(task: asyncio.Task[Any], steps: int) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
