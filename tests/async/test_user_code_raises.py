"""Exceptions where a client's own code runs: the call ends, whoever raised is told, and the channel goes on.

Serialisers, deserialisers, request iterators, callbacks and interceptors, each raising exceptions that one
expects and such as nobody does. Handlers that raise are in test_handler_errors.py.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import PATIENCE, Start, stub_of
from ..footprint import flat, footprint
from ..protos.exchange_pb2 import Reply, Request


class Odd(BaseException):
    """Not an Exception."""


RAISED: dict[str, Callable[[], BaseException]] = {
    "ValueError": lambda: ValueError("on purpose"),
    "StopIteration": lambda: StopIteration("on purpose"),
    "StopAsyncIteration": lambda: StopAsyncIteration("on purpose"),
    "CancelledError": lambda: asyncio.CancelledError("on purpose"),
    "RpcError": lambda: grpc.RpcError("on purpose"),
    "BaseException": lambda: Odd("on purpose"),
}

SERVICE = "/grpc_bridge.testing.Exchange/"
ARITIES = {
    "Ask": ("unary_unary", lambda: Request(number=1)),
    "Watch": ("unary_stream", lambda: Request(number=3)),
    "Collect": ("stream_unary", lambda: [Request(number=1)] * 3),
    "Talk": ("stream_stream", lambda: [Request(number=1)] * 3),
}
STREAMS_REQUESTS = ("Collect", "Talk")


async def finished(method: Any, request: Any) -> Any:
    """Call the method and take all that comes."""
    call = method(request)
    return await call if not hasattr(call, "read") else [reply async for reply in call]


async def serializer(channel: Any, arity: str, failure: Callable[..., Any]) -> Any:
    kind, request = ARITIES[arity]
    method = getattr(channel, kind)(SERVICE + arity, failure, Reply.FromString)
    return await finished(method, request())


async def deserializer(channel: Any, arity: str, failure: Callable[..., Any]) -> Any:
    kind, request = ARITIES[arity]
    method = getattr(channel, kind)(SERVICE + arity, Request.SerializeToString, failure)
    return await finished(method, request())


async def iterator(channel: Any, arity: str, failure: Callable[..., Any]) -> Any:
    def requests() -> Iterator[Request]:
        yield Request(number=1)
        failure()

    if arity in STREAMS_REQUESTS:
        return await finished(getattr(stub_of(channel), arity), requests())
    return failure()


async def async_iterator(channel: Any, arity: str, failure: Callable[..., Any]) -> Any:
    async def requests() -> AsyncIterator[Request]:
        yield Request(number=1)
        failure()

    if arity in STREAMS_REQUESTS:
        return await finished(getattr(stub_of(channel), arity), requests())
    return failure()


class _Fails:
    def __init__(self, failure: Callable[..., Any]) -> None:
        self.failure = failure


class SyncInterceptor(
    _Fails,
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    def intercept_unary_unary(self, continuation, client_call_details, request):
        call = continuation(client_call_details, request)
        call.add_done_callback(lambda _: None)
        return self.failure()

    intercept_unary_stream = intercept_stream_unary = intercept_stream_stream = intercept_unary_unary


class AsyncInterceptor(
    _Fails,
    grpc.aio.UnaryUnaryClientInterceptor,
    grpc.aio.UnaryStreamClientInterceptor,
    grpc.aio.StreamUnaryClientInterceptor,
    grpc.aio.StreamStreamClientInterceptor,
):
    async def intercept_unary_unary(self, continuation, client_call_details, request):
        await continuation(client_call_details, request)
        return self.failure()

    intercept_unary_stream = intercept_stream_unary = intercept_stream_stream = intercept_unary_unary


async def interceptor(channel: Any, arity: str, failure: Callable[..., Any]) -> Any:
    intercepted = grpc_bridge.intercept_channel(channel, SyncInterceptor(failure))
    return await finished(getattr(stub_of(intercepted), arity), ARITIES[arity][1]())


async def aio_interceptor(channel: Any, arity: str, failure: Callable[..., Any]) -> Any:
    intercepted = grpc_bridge.intercept_channel(channel, AsyncInterceptor(failure))
    return await finished(getattr(stub_of(intercepted), arity), ARITIES[arity][1]())


PLACES = {
    "a serialiser": serializer,
    "a deserialiser": deserializer,
    "an iterator": iterator,
    "an async iterator": async_iterator,
    "an interceptor": interceptor,
    "an interceptor of grpc.aio": aio_interceptor,
}


@pytest.fixture(params=["grpcio_server", "bridge_server"])
def target(request: pytest.FixtureRequest) -> str:
    start: Start = request.getfixturevalue(request.param)
    return start()


async def ending(work: Any) -> BaseException | None:
    task = asyncio.ensure_future(work)
    await asyncio.wait([task], timeout=PATIENCE)
    assert task.done(), "it hangs"
    if task.cancelled():
        return asyncio.CancelledError()
    return task.exception()


# An interceptor that raises drops the call that it has started.
@pytest.mark.filterwarnings("ignore::grpc_bridge.UnawaitedCallWarning")
@pytest.mark.parametrize("place", PLACES)
async def test_where_a_client_s_code_raises(
    place: str, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "grpc_bridge")
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        for name, error in RAISED.items():

            def failure(*_: Any, error: Callable[[], BaseException] = error) -> Any:
                raise error()

            for arity in ARITIES:
                told = await ending(PLACES[place](channel, arity, failure))
                # (Who iterates takes StopAsyncIteration for what it says.)
                assert told is not None or name == "StopAsyncIteration", (name, arity)
                if name == "ValueError":
                    assert isinstance(told if isinstance(told, ValueError) else told.__cause__, ValueError)
                assert (await stub.Ask(Request(text="next"))).text == "NEXT", (name, arity)
        gc.collect()


@pytest.mark.parametrize("name", ["ValueError", "StopIteration", "RpcError"])
async def test_callbacks_that_raise(name: str, target: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the others are called; the call has its answer."""
    called: list[int] = []

    def failure(*_: Any) -> None:
        raise RAISED[name]()

    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        for arity, (_, request) in ARITIES.items():
            caplog.clear()
            call = getattr(stub, arity)(request())
            call.add_done_callback(failure)
            call.add_callback(failure)
            call.add_done_callback(lambda _, arity=arity: called.append(arity))
            if hasattr(call, "read"):
                assert len([reply async for reply in call]) == 3
            else:
                await call
            assert await call.code() == grpc.StatusCode.OK
            assert [record.getMessage()[:21] for record in caplog.records] == ["Exception in callback"] * 2
    assert called == list(ARITIES)


@pytest.fixture
def no_log() -> Iterator[None]:
    """pytest keeps what is logged, with tracebacks and all that hangs on them."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("no_log")
@pytest.mark.filterwarnings("ignore::grpc_bridge.UnawaitedCallWarning")
async def test_what_raised_leaves_nothing(target: str) -> None:
    def failure(*_: Any) -> Any:
        raise ValueError("on purpose")

    async with grpc_bridge.insecure_channel(target) as channel:

        async def everywhere() -> None:
            for place in PLACES.values():
                for arity in ARITIES:
                    await ending(place(channel, arity, failure))

        await everywhere()
        before = footprint()
        for _ in range(5):
            await everywhere()
        # (Threads of the server's pool, which has not had its fill.)
        await flat(before, PATIENCE, besides={"threads"})
