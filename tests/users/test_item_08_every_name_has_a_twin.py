"""The shim that keeps grpcio's signatures: every public name of `grpc` is here, with every member.

In a coroutine `await stub.M.with_call(request)` gives the response and its call; `stub.M.future(request)`
is awaitable and, from any thread, a future to be asked, called back and cancelled.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import types
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, Echo, LoopInThread, Start, stub_of
from ..protos.exchange_pb2 import Reply, Request
from .conftest import Patient

# ---- the walk ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(grpc.__all__))
def test_every_public_name_of_grpc_has_a_twin(name: str) -> None:
    ours, theirs = getattr(grpc_bridge, name), getattr(grpc, name)
    assert name in grpc_bridge.__all__
    assert name in dir(grpc_bridge)
    if isinstance(theirs, types.FunctionType):
        wanted = inspect.signature(theirs).parameters
        # `server` may leave out its thread pool; nothing else differs.
        assert list(inspect.signature(ours).parameters)[: len(wanted)] == list(wanted)
    else:
        assert ours is theirs


def public(*classes: type) -> list[str]:
    return sorted({name for one in classes for name in dir(one) if not name.startswith("_")})


async def made() -> AsyncIterator[tuple[str, Any, tuple[type, ...]]]:
    """What a program meets: each object of ours, and the classes of grpcio's that it stands for."""
    channel = grpc_bridge.insecure_channel("127.0.0.1:1")
    yield "channel", channel, (grpc.Channel,)
    intercepted = grpc_bridge.intercept_channel(channel)
    yield "intercepted channel", intercepted, (grpc.Channel,)
    yield "channel_ready_future", grpc_bridge.channel_ready_future(channel), (grpc.Future,)
    stub = stub_of(channel)
    yield "unary-unary", stub.Ask, (grpc.UnaryUnaryMultiCallable,)
    yield "unary-stream", stub.Watch, (grpc.UnaryStreamMultiCallable,)
    yield "stream-unary", stub.Collect, (grpc.StreamUnaryMultiCallable,)
    yield "stream-stream", stub.Talk, (grpc.StreamStreamMultiCallable,)
    calls = stub.Ask(Request()), stub.Watch(Request()), stub.Collect([]), stub.Talk([])
    for call in calls:
        yield f"call of {call!r}", call, (grpc.Call, grpc.Future)
        call.cancel()
    with pytest.raises(grpc.RpcError) as caught:
        await stub.Ask(Request())
    yield "error", caught.value, (grpc.Call, grpc.Future)
    yield "server", grpc_bridge.server(), (grpc.Server,)
    await channel.close()


# grpcio's thread that watches a channel may find that it was closed a moment ago, and says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_every_member_of_what_grpc_makes_has_a_twin() -> None:
    missing = []
    async for what, ours, classes in made():
        assert isinstance(ours, classes), what
        for theirs in classes:
            for name in public(theirs):
                if not hasattr(ours, name):
                    missing.append(f"{what}.{name}")
                elif getattr(type(ours), name, None) is getattr(theirs, name):
                    missing.append(f"{what}.{name} is grpcio's abstract one")
    assert missing == []


CLASSES: dict[str, tuple[type, Callable[[Any], Any]]] = {
    "Channel": (grpc.Channel, lambda channel: channel),
    "UnaryUnaryMultiCallable": (grpc.UnaryUnaryMultiCallable, lambda channel: stub_of(channel).Ask),
    "UnaryStreamMultiCallable": (grpc.UnaryStreamMultiCallable, lambda channel: stub_of(channel).Watch),
    "StreamUnaryMultiCallable": (grpc.StreamUnaryMultiCallable, lambda channel: stub_of(channel).Collect),
    "StreamStreamMultiCallable": (grpc.StreamStreamMultiCallable, lambda channel: stub_of(channel).Talk),
    "Server": (grpc.Server, lambda _: grpc_bridge.server()),
}


@pytest.mark.parametrize("name", CLASSES)
def test_members_take_the_arguments_that_grpcios_take(name: str) -> None:
    theirs, make = CLASSES[name]
    with grpc_bridge.insecure_channel("127.0.0.1:1") as channel:
        ours = make(channel)
        called = ["__call__"] if "__call__" in vars(theirs) else []
        for member in [*public(theirs), *called]:
            wanted = list(inspect.signature(getattr(theirs, member)).parameters)[1:]
            taken = list(inspect.signature(getattr(ours, member)).parameters)
            assert taken[: len(wanted)] == wanted, member


# ---- with_call ---------------------------------------------------------------------------------------


@pytest.fixture
async def stub(grpcio_server: Start) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        yield stub_of(channel)


WITH_CALL: dict[str, Callable[[Any], Any]] = {
    "Ask": lambda stub: stub.Ask.with_call(Request(number=3, text="a"), timeout=20),
    "Collect": lambda stub: stub.Collect.with_call([Request(number=3)], timeout=20),
}


@pytest.mark.parametrize("method", WITH_CALL)
async def test_with_call_is_awaited_for_response_and_call(stub: Any, method: str) -> None:
    response, call = await WITH_CALL[method](stub)
    assert isinstance(response, Reply)
    assert response.number == 3
    assert isinstance(call, grpc.Call)
    assert await call.code() is grpc.StatusCode.OK
    assert not call.is_active()
    assert ("asked", "a") in await call.trailing_metadata() or method == "Collect"


async def test_with_calls_are_gathered_and_bounded(stub: Any) -> None:
    outcomes = await asyncio.gather(*(WITH_CALL["Ask"](stub) for _ in range(5)))
    assert [response.number for response, _ in outcomes] == [3] * 5
    response, _ = await asyncio.wait_for(WITH_CALL["Collect"](stub), 20)
    assert response.number == 3


# ---- future ------------------------------------------------------------------------------------------

FUTURES: dict[str, Callable[[Any], Any]] = {
    "Ask": lambda stub: stub.Ask.future(Request(number=3)),
    "Collect": lambda stub: stub.Collect.future([Request(number=3)]),
}


async def start(stub: Any, method: str) -> Any:
    return FUTURES[method](stub)


@pytest.mark.parametrize("method", FUTURES)
async def test_a_future_is_awaited(stub: Any, method: str) -> None:
    future = FUTURES[method](stub)
    assert isinstance(future, (grpc.Future, grpc.Call))
    assert (await future).number == 3
    assert future.done()


@pytest.mark.parametrize("method", FUTURES)
def test_a_loops_future_is_asked_from_a_thread(
    grpcio_server: Start, loop_in_thread: Callable[..., LoopInThread], method: str
) -> None:
    loop = loop_in_thread()
    with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        future = loop.run(start(stub_of(channel), method))
        called: list[Any] = []
        back = threading.Event()
        future.add_done_callback(lambda one: (called.append(one), back.set()))
        assert future.result(timeout=PATIENCE).number == 3
        assert future.result().number == 3
        assert future.exception(timeout=PATIENCE) is None
        assert future.traceback(timeout=PATIENCE) is None
        assert back.wait(PATIENCE)
        assert called == [future]
        assert (future.done(), future.running(), future.cancelled()) == (True, False, False)
        assert future.cancel() is False


@pytest.mark.parametrize("method", FUTURES)
def test_a_loops_future_that_fails_is_asked_from_a_thread(
    grpcio_server: Start, loop_in_thread: Callable[..., LoopInThread], method: str
) -> None:
    class Refusing(Echo):
        def Ask(self, request, context):
            context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")

        def Collect(self, request_iterator, context):
            context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")

    loop = loop_in_thread()
    with grpc_bridge.insecure_channel(grpcio_server(Refusing())) as channel:
        future = loop.run(start(stub_of(channel), method))
        error = future.exception(timeout=PATIENCE)
        assert isinstance(error, grpc.RpcError)
        assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "no such thing")
        assert isinstance(future.traceback(timeout=PATIENCE), types.TracebackType)
        with pytest.raises(grpc.RpcError, match="no such thing"):
            future.result(timeout=PATIENCE)


@pytest.mark.parametrize("method", FUTURES)
def test_a_loops_future_is_waited_for_in_vain_and_cancelled_from_a_thread(
    grpcio_server: Start, loop_in_thread: Callable[..., LoopInThread], method: str
) -> None:
    servicer = Patient()
    loop = loop_in_thread()
    with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        future = loop.run(start(stub_of(channel), method))
        back = threading.Event()
        future.add_done_callback(lambda _: back.set())
        assert servicer.entered.wait(PATIENCE)
        for ask in (future.result, future.exception, future.traceback):
            with pytest.raises(grpc.FutureTimeoutError):
                ask(timeout=0.01)
        assert (future.done(), future.running(), future.cancelled()) == (False, True, False)
        assert future.cancel() is True
        assert back.wait(PATIENCE)
        assert servicer.over.wait(PATIENCE)
        assert (future.done(), future.running(), future.cancelled()) == (True, False, True)
        for ask in (future.result, future.exception, future.traceback):
            with pytest.raises(grpc.FutureCancelledError):
                ask(timeout=PATIENCE)
