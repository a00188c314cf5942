"""Programs written for `grpc.aio` do the same on `grpc_bridge.aio`: each runs on both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge
import grpc_bridge.aio

from ..conftest import AsyncEcho, stub_of
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request

pytestmark = pytest.mark.parametrize("aio", [grpc.aio, grpc_bridge.aio], ids=["grpc", "bridge"])


class Program:
    """A server and a channel made by the namespace under test."""

    def __init__(self, aio: ModuleType, servicer: Any = None, **channel_arguments: Any) -> None:
        self.aio = aio
        self.servicer = servicer or AsyncEcho()
        self.channel_arguments = channel_arguments

    async def __aenter__(self) -> Any:
        self.server = self.aio.server()
        exchange_pb2_grpc.add_ExchangeServicer_to_server(self.servicer, self.server)
        port = self.server.add_insecure_port("127.0.0.1:0")
        await self.server.start()
        self.channel = self.aio.insecure_channel(f"127.0.0.1:{port}", **self.channel_arguments)
        return stub_of(self.channel)

    async def __aexit__(self, *reason: object) -> None:
        await self.channel.close()
        await self.server.stop(None)


async def test_the_four_arities(aio: ModuleType) -> None:
    async def requests() -> AsyncIterator[Request]:
        for number in range(3):
            yield Request(number=number)

    async with Program(aio) as stub:
        assert (await stub.Ask(Request(text="a"))).text == "A"
        assert [reply.number async for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
        assert (await stub.Collect(requests())).number == 3
        assert [reply.number async for reply in stub.Talk(requests())] == [0, 2, 4]


async def test_reading_and_writing_by_hand(aio: ModuleType) -> None:
    async with Program(aio) as stub:
        call = stub.Talk()
        for number in range(3):
            await call.write(Request(number=number))
            assert (await call.read()).number == number * 2
        await call.done_writing()
        assert await call.read() is aio.EOF
        assert await call.code() is grpc.StatusCode.OK

        call = stub.Collect()
        await call.write(Request(number=4))
        await call.write(Request(number=5))
        await call.done_writing()
        assert (await call).number == 9


async def test_what_a_call_tells(aio: ModuleType) -> None:
    async with Program(aio) as stub:
        call = stub.Ask(Request(text="a"), timeout=60)
        assert isinstance(call, aio.UnaryUnaryCall)
        assert isinstance(call, aio.Call)
        assert 0 < call.time_remaining() <= 60
        await call
        assert (await call.code(), await call.details()) == (grpc.StatusCode.OK, "")
        assert tuple(await call.initial_metadata()) == ()
        assert (call.done(), call.cancelled(), call.cancel()) == (True, False, False)


class Failing(exchange_pb2_grpc.ExchangeServicer):
    async def Ask(self, request: Request, context: Any) -> None:
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone", (("why", "because"),))

    async def Watch(self, request: Request, context: Any) -> AsyncIterator[Reply]:
        yield Reply(number=1)
        context.set_code(grpc.StatusCode.DATA_LOSS)
        context.set_details("torn")


async def test_errors(aio: ModuleType) -> None:
    async with Program(aio, Failing()) as stub:
        with pytest.raises(aio.AioRpcError) as raised:
            await stub.Ask(Request())
        error = raised.value
        assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "gone")
        assert error.trailing_metadata()["why"] == "because"

        call = stub.Watch(Request())
        assert (await anext(aiter(call))).number == 1
        with pytest.raises(aio.AioRpcError, match="torn"):
            await anext(aiter(call))


class Held(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def Ask(self, request: Request, context: Any) -> None:
        assert context.time_remaining() is None
        self.entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


@pytest.mark.parametrize("how", ["the call", "the task"])
async def test_a_cancelled_call_raises_what_a_cancelled_task_raises(aio: ModuleType, how: str) -> None:
    servicer = Held()
    async with Program(aio, servicer) as stub:
        call = stub.Ask(Request())

        async def wait() -> None:
            await call

        task = asyncio.create_task(wait())
        await servicer.entered.wait()
        (call if how == "the call" else task).cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert call.cancelled()
        await servicer.cancelled.wait()


class Tagging(grpc.aio.UnaryUnaryClientInterceptor, grpc.aio.UnaryStreamClientInterceptor):
    """Passes a changed request on, for two of the four arities."""

    def __init__(self, tag: str) -> None:
        self.tag = tag

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Request) -> Any:
        return await continuation(details, Request(text=request.text + self.tag))

    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Request) -> Any:
        return await continuation(details, Request(number=request.number + 1))


async def test_client_interceptors(aio: ModuleType) -> None:
    async with Program(aio, interceptors=[Tagging("b"), Tagging("c")]) as stub:
        assert (await stub.Ask(Request(text="a"))).text == "ABC"
        if aio is grpc_bridge.aio:
            # grpc.aio passes calls of the first kind alone to an interceptor of several.
            assert len([reply async for reply in stub.Watch(Request(number=1))]) == 3


async def test_a_response_in_place_of_a_call(aio: ModuleType) -> None:
    class Answering(grpc.aio.UnaryUnaryClientInterceptor):
        async def intercept_unary_unary(self, continuation: Any, details: Any, request: Request) -> Reply:
            return Reply(text="answered here")

    async with Program(aio, interceptors=[Answering()]) as stub:
        assert (await stub.Ask(Request())).text == "answered here"


async def test_connectivity(aio: ModuleType) -> None:
    program = Program(aio)
    async with program:
        await asyncio.wait_for(program.channel.channel_ready(), 20)
        assert program.channel.get_state() is grpc.ChannelConnectivity.READY


async def test_one_namespace(aio: ModuleType) -> None:
    ours = {"insecure_channel", "secure_channel", "server"}
    assert set(aio.__all__) == set(grpc.aio.__all__)
    for name in set(grpc.aio.__all__) - ours:
        assert getattr(aio, name) is getattr(grpc.aio, name)


# ---- closing with grace ------------------------------------------------------------------------------


class Waiting(AsyncEcho):
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.entered, self.answer = asyncio.Event(), asyncio.Event()

    async def Ask(self, request, context):
        self.entered.set()
        await self.answer.wait()
        return Reply(text="late")


async def test_a_channel_closed_with_grace_lets_its_calls_end(aio: ModuleType) -> None:
    servicer = Waiting()
    program = Program(aio, servicer)
    async with program as stub:
        call = stub.Ask(Request())
        await servicer.entered.wait()
        closing = asyncio.ensure_future(program.channel.close(60))
        await asyncio.sleep(0)
        with pytest.raises(grpc.aio.UsageError, match="closed"):
            await stub.Ask(Request())
        assert not closing.done()
        servicer.answer.set()
        assert (await call).text == "late"
        await closing


async def test_a_channel_whose_grace_is_over_cancels_its_calls(aio: ModuleType) -> None:
    servicer = Waiting()
    program = Program(aio, servicer)
    async with program as stub:
        call = stub.Ask(Request())
        await servicer.entered.wait()
        await program.channel.close(0.01)
        with pytest.raises((grpc.RpcError, asyncio.CancelledError)):
            await call
        assert await call.code() is grpc.StatusCode.CANCELLED


async def test_an_unused_channel_is_closed_with_grace_at_once(aio: ModuleType) -> None:
    async with aio.insecure_channel("127.0.0.1:1") as channel:
        await channel.close(3600)
