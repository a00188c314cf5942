"""How an RPC fails: the codes, the words, and what the error is."""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import AsyncEcho, Echo, Servicer, Start, in_plain_thread, serving_here, stub_of
from ..protos.exchange_pb2 import Reply, Request

COLOURS = ["functions", "coroutines"]


class Failing(Echo):
    """Raises before the first response; with a number in the request, after that many."""

    def Ask(self, request, context):
        raise ValueError("nothing to say")

    def Watch(self, request, context):
        for number in range(request.number):
            yield Reply(number=number)
        raise ValueError("nothing to show")

    def Collect(self, request_iterator, context):
        raise ValueError("nothing to sum")

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield Reply(number=request.number)
        raise ValueError("nothing to add")


class AsyncFailing(AsyncEcho):
    async def Ask(self, request, context):
        await asyncio.sleep(0)
        raise ValueError("nothing to say")

    async def Watch(self, request, context):
        for number in range(request.number):
            yield Reply(number=number)
        raise ValueError("nothing to show")

    async def Collect(self, request_iterator, context):
        raise ValueError("nothing to sum")

    async def Talk(self, request_iterator, context):
        async for request in request_iterator:
            yield Reply(number=request.number)
        raise ValueError("nothing to add")


FAILING: dict[str, type[Servicer]] = {"functions": Failing, "coroutines": AsyncFailing}


@pytest.fixture
def dead_target() -> Iterator[str]:
    """An address that is taken, and where nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{reserved.getsockname()[1]}"


async def failure_of(call: Any) -> grpc.RpcError:
    outcome = _all_of(call) if hasattr(call, "__anext__") else call
    with pytest.raises(grpc.RpcError) as caught:
        await outcome
    return caught.value


async def _all_of(call: Any) -> list[Reply]:
    return [reply async for reply in call]


def calls_of(stub: Any, **options: Any) -> list[Any]:
    return [
        stub.Ask(Request(), **options),
        stub.Watch(Request(), **options),
        stub.Collect([Request()], **options),
        stub.Talk([Request()], **options),
    ]


async def test_a_dead_server_is_unavailable(dead_target: str) -> None:
    async with grpc_bridge.insecure_channel(dead_target) as channel:
        for call in calls_of(stub_of(channel), timeout=20):
            error = await failure_of(call)
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            assert "onnect" in error.details()
            assert error.debug_error_string()


class Waiting(Echo):
    """Answers nobody before the event is set."""

    def __init__(self) -> None:
        self.release = threading.Event()

    def Ask(self, request, context):
        self.release.wait()
        return Reply()

    def Watch(self, request, context):
        self.release.wait()
        yield Reply()

    def Collect(self, request_iterator, context):
        self.release.wait()
        return Reply()

    def Talk(self, request_iterator, context):
        self.release.wait()
        yield Reply()


@pytest.mark.parametrize("server", ["grpcio_server", "bridge_server"])
async def test_a_deadline_is_exceeded(request: pytest.FixtureRequest, server: str) -> None:
    servicer = Waiting()
    async with grpc_bridge.insecure_channel(request.getfixturevalue(server)(servicer)) as channel:
        try:
            for call in calls_of(stub_of(channel), timeout=0.05):
                assert (await failure_of(call)).code() == grpc.StatusCode.DEADLINE_EXCEEDED
                assert call.time_remaining() == 0
        finally:
            servicer.release.set()


async def test_an_async_handler_past_its_deadline_is_cancelled() -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    class Sleeping(AsyncEcho):
        async def Ask(self, request, context):
            entered.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

    async with serving_here(Sleeping()) as target, grpc_bridge.insecure_channel(target) as channel:
        timeout = 0.05
        while not entered.is_set():
            error = await failure_of(stub_of(channel).Ask(Request(), timeout=timeout))
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            timeout *= 2  # a call may be over before it has come to its handler
        await asyncio.wait_for(cancelled.wait(), 20)


TEXTS = [
    "Exception calling application: nothing to say",
    "Exception iterating responses: nothing to show",
    "Exception calling application: nothing to sum",
    "Exception iterating responses: nothing to add",
]


def test_the_texts_are_grpcios(grpcio_server: Start) -> None:
    with grpc.insecure_channel(grpcio_server(Failing())) as channel:
        assert texts_in_thread(channel) == TEXTS


def texts_in_thread(channel: Any) -> list[str]:
    stub = stub_of(channel)
    texts = []
    for ask in (
        lambda: stub.Ask(Request()),
        lambda: list(stub.Watch(Request())),
        lambda: stub.Collect(iter([Request()])),
        lambda: list(stub.Talk(iter([Request()]))),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            ask()
        assert caught.value.code() == grpc.StatusCode.UNKNOWN
        texts.append(caught.value.details())
    return texts


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("start", ["from sync code", "in a coroutine"])
async def test_what_a_handler_raises_is_unknown(colour: str, start: str, bridge_server: Start) -> None:
    async def check(target: str) -> None:
        async with grpc_bridge.insecure_channel(target) as channel:
            errors = [await failure_of(call) for call in calls_of(stub_of(channel), timeout=20)]
        assert [error.code() for error in errors] == [grpc.StatusCode.UNKNOWN] * 4
        assert [error.details() for error in errors] == TEXTS
        with grpc.insecure_channel(target) as plain_channel:
            assert await asyncio.to_thread(texts_in_thread, plain_channel) == TEXTS

    if start == "from sync code":
        await check(bridge_server(FAILING[colour]()))
    else:
        async with serving_here(FAILING[colour]()) as target:
            await check(target)


@pytest.mark.parametrize("colour", COLOURS)
async def test_what_came_before_the_failure_is_delivered(colour: str, bridge_server: Start) -> None:
    async with grpc_bridge.insecure_channel(bridge_server(FAILING[colour]())) as channel:
        call = stub_of(channel).Watch(Request(number=3))
        assert [(await anext(call)).number for _ in range(3)] == [0, 1, 2]
        with pytest.raises(grpc.RpcError, match="nothing to show"):
            await anext(call)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_handlers_exception_is_logged(
    colour: str, bridge_server: Start, caplog: pytest.LogCaptureFixture
) -> None:
    target = bridge_server(FAILING[colour]())
    with grpc_bridge.insecure_channel(target) as channel, pytest.raises(grpc.RpcError):
        stub_of(channel).Ask(Request())
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.exc_info[0] for record in logged if record.exc_info] == [ValueError]


# ---- what the error is -------------------------------------------------------------------------------


@pytest.fixture
async def error(bridge_server: Start) -> grpc.RpcError:
    class Refusing(Echo):
        def Ask(self, request, context):
            context.send_initial_metadata((("first", "1"),))
            context.abort(grpc.StatusCode.NOT_FOUND, "no such thing", (("last", "2"),))

    async with grpc_bridge.insecure_channel(bridge_server(Refusing())) as channel:
        return await failure_of(stub_of(channel).Ask(Request()))


async def test_an_error_is_an_error_of_both_worlds(error: Any) -> None:
    assert isinstance(error, grpc.RpcError)
    assert isinstance(error, grpc.aio.AioRpcError)
    assert isinstance(error, grpc.Call)
    assert isinstance(error, grpc.Future)
    assert isinstance(error, grpc_bridge.RpcError)


async def test_an_error_answers_plainly(error: Any) -> None:
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "no such thing")
    assert ("first", "1") in error.initial_metadata()
    assert tuple(error.trailing_metadata()) == (("last", "2"),)
    assert error.exception() is error
    assert error.done()
    assert not error.is_active()
    assert "no such thing" in str(error)


async def test_an_error_survives_pickling(error: Any) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (copy.code(), copy.details()) == (error.code(), error.details())
    assert tuple(copy.trailing_metadata()) == tuple(error.trailing_metadata())
    assert str(copy) == str(error)


async def test_the_error_is_the_same_however_it_is_asked_for(bridge_server: Start) -> None:
    async with grpc_bridge.insecure_channel(bridge_server(Failing())) as channel:
        call = stub_of(channel).Ask.future(Request())
        raised = await failure_of(call)
        asked = await call.exception()
        assert (asked.code(), asked.details()) == (raised.code(), raised.details())
        assert await call.code() == grpc.StatusCode.UNKNOWN
        with pytest.raises(grpc.RpcError):
            await call.result()


def test_a_thread_gets_grpcios_own_error(bridge_server: Start) -> None:
    target = bridge_server(Failing())
    with grpc_bridge.insecure_channel(target) as channel, pytest.raises(grpc.RpcError) as caught:
        in_plain_thread(stub_of(channel).Ask, Request())
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.details() == TEXTS[0]
