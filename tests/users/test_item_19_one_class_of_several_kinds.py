"""A client interceptor of several kinds sees the calls of each of them, whatever colour it and they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import Start, stub_of
from ..protos.exchange_pb2 import Request
from .test_item_07_client_interceptors import AioFourKinds, FourKinds, use, use_in_thread

KINDS = ["unary_unary", "unary_stream", "stream_unary", "stream_stream"]


@pytest.fixture
def target(grpcio_server: Start) -> str:
    return grpcio_server()


class Seen:
    """Which of its methods were called."""

    def __init__(self) -> None:
        self.kinds: list[str] = []


class SyncOne(
    Seen,
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """grpcio's kinds, as functions."""

    def intercept_unary_unary(self, continuation, client_call_details, request):
        self.kinds.append("unary_unary")
        return continuation(client_call_details, request)

    def intercept_unary_stream(self, continuation, client_call_details, request):
        self.kinds.append("unary_stream")
        return continuation(client_call_details, request)

    def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
        self.kinds.append("stream_unary")
        return continuation(client_call_details, request_iterator)

    def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        self.kinds.append("stream_stream")
        return continuation(client_call_details, request_iterator)


class CoroutineFunctions:
    """The methods as coroutine functions."""

    kinds: list[str]

    async def intercept_unary_unary(self, continuation, client_call_details, request):
        self.kinds.append("unary_unary")
        return await continuation(client_call_details, request)

    async def intercept_unary_stream(self, continuation, client_call_details, request):
        self.kinds.append("unary_stream")
        return await continuation(client_call_details, request)

    async def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
        self.kinds.append("stream_unary")
        return await continuation(client_call_details, request_iterator)

    async def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        self.kinds.append("stream_stream")
        return await continuation(client_call_details, request_iterator)


class AioOne(
    Seen,
    CoroutineFunctions,
    grpc.aio.UnaryUnaryClientInterceptor,
    grpc.aio.UnaryStreamClientInterceptor,
    grpc.aio.StreamUnaryClientInterceptor,
    grpc.aio.StreamStreamClientInterceptor,
):
    """`grpc.aio`'s kinds."""


class AsyncMethodsOfSyncKinds(CoroutineFunctions, SyncOne):
    """grpcio's kinds, as coroutine functions."""


class BothKindsAsFunctions(SyncOne, AioFourKinds):
    """Of both libraries' kinds, as functions."""


class BothKindsAsCoroutineFunctions(Seen, CoroutineFunctions, FourKinds, AioFourKinds):
    """Of both libraries' kinds, as coroutine functions."""


class Mixed(
    Seen,
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.aio.StreamUnaryClientInterceptor,
    grpc.aio.StreamStreamClientInterceptor,
):
    """Two kinds of one library, two of the other."""

    intercept_unary_unary = SyncOne.intercept_unary_unary
    intercept_unary_stream = SyncOne.intercept_unary_stream
    intercept_stream_unary = CoroutineFunctions.intercept_stream_unary
    intercept_stream_stream = CoroutineFunctions.intercept_stream_stream


CLASSES = [
    SyncOne,
    AioOne,
    AsyncMethodsOfSyncKinds,
    BothKindsAsFunctions,
    BothKindsAsCoroutineFunctions,
    Mixed,
]
# What `use` and `use_in_thread` call, in their order.
USED = ["unary_unary"] * 3 + ["unary_stream"] + ["stream_unary"] * 3 + ["stream_stream"]


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("around", [None, SyncOne, AioOne], ids=["alone", "in a sync one", "in an async one"])
async def test_all_four_kinds_pass_one_class(
    target: str, kind: Callable[[], Any], around: Callable[[], Any] | None
) -> None:
    one = kind()
    others = [] if around is None else [around()]
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, *others, one))
        await use(stub)
        assert one.kinds == USED
        await asyncio.to_thread(use_in_thread, stub)
    assert [other.kinds for other in (*others, one)] == [USED * 2] * (1 + len(others))


@pytest.mark.parametrize("kind", CLASSES)
async def test_on_a_channel_of_our_aio(target: str, kind: Callable[[], Any]) -> None:
    one = kind()
    async with grpc_bridge.aio.insecure_channel(target, interceptors=(one,)) as channel:
        await use(stub_of(channel))
    assert one.kinds == USED


@pytest.mark.parametrize("several", [list, tuple], ids=["list", "tuple"])
async def test_interceptors_come_in_any_sequence(target: str, several: Callable[[Any], Any]) -> None:
    first, second = AioOne(), SyncOne()
    async with grpc_bridge.aio.insecure_channel(target, interceptors=several([first, second])) as channel:
        assert isinstance(channel, grpc.aio.Channel)
        await use(stub_of(channel))
        await asyncio.wait_for(channel.channel_ready(), 20)
        assert channel.get_state() is grpc.ChannelConnectivity.READY
    assert first.kinds == second.kinds == USED


@pytest.mark.parametrize("none", [None, [], ()], ids=["None", "list", "tuple"])
async def test_no_interceptors(target: str, none: Any) -> None:
    async with grpc_bridge.aio.insecure_channel(target, interceptors=none) as channel:
        await use(stub_of(channel))


async def test_a_class_of_one_kind_sees_only_that(target: str) -> None:
    class StreamsOnly(Seen, grpc.UnaryStreamClientInterceptor):
        intercept_unary_stream = SyncOne.intercept_unary_stream

    class AioStreamsOnly(Seen, grpc.aio.UnaryStreamClientInterceptor):
        intercept_unary_stream = CoroutineFunctions.intercept_unary_stream

    one, other = StreamsOnly(), AioStreamsOnly()
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, one, other))
        await use(stub)
        await asyncio.to_thread(use_in_thread, stub)
        # One that does nothing ends the stream as it ended.
        assert [reply async for reply in stub.Watch(Request())] == []
    assert one.kinds == other.kinds == ["unary_stream"] * 3


async def test_what_is_no_interceptor_is_refused(target: str) -> None:
    async with grpc_bridge.insecure_channel(target) as channel:
        with pytest.raises(TypeError, match="interceptor must be"):
            grpc_bridge.intercept_channel(channel, object())
        with pytest.raises(TypeError, match="interceptor must be"):
            grpc_bridge.aio.insecure_channel(target, interceptors=[SyncOne(), object()])
