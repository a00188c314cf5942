"""google-api-core's helpers around our stubs: errors mapped and calls tried again, in both colours."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

import grpc_bridge
import grpc_bridge.aio

from ..conftest import PATIENCE, Servicer, Start, stub_of
from ..protos.exchange_pb2 import Reply, Request

pytest.importorskip("google.api_core", reason="google-api-core is not installed")

from google.api_core import (
    exceptions,
    gapic_v1,
    grpc_helpers,
    grpc_helpers_async,
    retry,
    retry_async,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*Python version.*:FutureWarning")


class Moody(Servicer):
    """Refuses the first `number` calls of an Ask; streams end with an error after one reply."""

    def __init__(self) -> None:
        self.asked = 0

    def Ask(self, request, context):
        self.asked += 1
        if self.asked <= request.number:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        if request.text == "missing":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
        return Reply(text=request.text.upper(), number=self.asked)

    def Watch(self, request, context):
        yield Reply(number=1)
        context.abort(grpc.StatusCode.NOT_FOUND, "no more")

    def Collect(self, request_iterator, context):
        for _ in request_iterator:
            pass
        context.abort(grpc.StatusCode.NOT_FOUND, "nothing collected")

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield Reply(number=request.number)
        context.abort(grpc.StatusCode.NOT_FOUND, "nothing more to say")


def is_transient(error: BaseException) -> bool:
    return isinstance(error, exceptions.ServiceUnavailable)


AGAIN: dict[str, Any] = {"predicate": is_transient, "initial": 0.001, "maximum": 0.001, "timeout": PATIENCE}


def test_the_sync_helpers_wrap_a_stub_in_a_thread(grpcio_server: Start) -> None:
    with grpc_bridge.insecure_channel(grpcio_server(Moody())) as channel:
        stub = stub_of(channel)
        assert grpc_helpers.wrap_errors(stub.Ask)(Request(text="a"), timeout=PATIENCE).text == "A"
        with pytest.raises(exceptions.NotFound, match="no such thing"):
            grpc_helpers.wrap_errors(stub.Ask)(Request(text="missing"), timeout=PATIENCE)
        with pytest.raises(exceptions.NotFound, match="nothing collected"):
            grpc_helpers.wrap_errors(stub.Collect)(iter([Request()]), timeout=PATIENCE)
        for responses in (
            grpc_helpers.wrap_errors(stub.Watch)(Request(), timeout=PATIENCE),
            grpc_helpers.wrap_errors(stub.Talk)(iter([Request(number=1)]), timeout=PATIENCE),
        ):
            assert next(responses).number == 1
            with pytest.raises(exceptions.NotFound, match="more"):
                next(responses)


class PassingOn(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Does nothing; only that it is there."""

    def _intercept(self, continuation, client_call_details, request):
        return continuation(client_call_details, request)

    intercept_unary_unary = intercept_unary_stream = intercept_stream_unary = _intercept
    intercept_stream_stream = _intercept


def intercepted_channel(target: str) -> Any:
    return grpc_bridge.intercept_channel(grpc_bridge.insecure_channel(target), PassingOn())


@pytest.mark.parametrize(
    "factory",
    [grpc_bridge.insecure_channel, grpc_bridge.aio.insecure_channel, intercepted_channel],
    ids=["ours", "ours for grpc.aio", "intercepted"],
)
async def test_the_async_helpers_wrap_a_stub_in_a_coroutine(grpcio_server: Start, factory: Any) -> None:
    async with factory(grpcio_server(Moody())) as channel:
        stub = stub_of(channel)
        reply = await grpc_helpers_async.wrap_errors(stub.Ask)(Request(text="a"), timeout=PATIENCE)
        assert reply.text == "A"
        with pytest.raises(exceptions.NotFound, match="no such thing"):
            await grpc_helpers_async.wrap_errors(stub.Ask)(Request(text="missing"), timeout=PATIENCE)
        with pytest.raises(exceptions.NotFound, match="nothing collected"):
            await (await grpc_helpers_async.wrap_errors(stub.Collect)([Request()], timeout=PATIENCE))
        watch = await grpc_helpers_async.wrap_errors(stub.Watch)(Request(), timeout=PATIENCE)
        talk = await grpc_helpers_async.wrap_errors(stub.Talk)([Request(number=1)], timeout=PATIENCE)
        for responses in (aiter(watch), aiter(talk)):
            assert (await anext(responses)).number == 1
            with pytest.raises(exceptions.NotFound, match="more"):
                await anext(responses)


def test_a_wrapped_method_tries_again_in_a_thread(grpcio_server: Start) -> None:
    with grpc_bridge.insecure_channel(grpcio_server(Moody())) as channel:
        ask = gapic_v1.method.wrap_method(stub_of(channel).Ask, default_retry=retry.Retry(**AGAIN))
        assert ask(Request(text="a", number=2), timeout=PATIENCE).number == 3


async def test_a_wrapped_method_tries_again_in_a_coroutine(grpcio_server: Start) -> None:
    async with grpc_bridge.insecure_channel(grpcio_server(Moody())) as channel:
        ask = gapic_v1.method_async.wrap_method(
            stub_of(channel).Ask, default_retry=retry_async.AsyncRetry(**AGAIN)
        )
        assert (await ask(Request(text="a", number=2), timeout=PATIENCE)).number == 3
        replies = await asyncio.gather(*(ask(Request(text="b"), timeout=PATIENCE) for _ in range(3)))
        assert [reply.text for reply in replies] == ["B"] * 3
