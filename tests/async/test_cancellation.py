"""Who stops waiting stops the RPC: cancelled tasks, streams left early, calls dropped or never awaited."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, Servicer, stub_of, wait_in_thread
from ..protos.exchange_pb2 import Reply, Request


class Watched(Echo):
    """Never answers; says when it was entered, and when the RPC was over."""

    def __init__(self) -> None:
        self.entered, self.over = threading.Event(), threading.Event()

    def _wait(self, context: Any) -> None:
        context.add_callback(self.over.set)
        self.entered.set()
        self.over.wait(PATIENCE)

    def Ask(self, request, context):
        self._wait(context)
        return Reply()

    def Watch(self, request, context):
        context.add_callback(self.over.set)
        yield Reply(number=1)
        self._wait(context)

    def Collect(self, request_iterator, context):
        self._wait(context)
        return Reply()

    def Talk(self, request_iterator, context):
        context.add_callback(self.over.set)
        yield Reply(number=1)
        self._wait(context)


class AsyncWatched(AsyncEcho):
    """The same in coroutines, where it sees CancelledError."""

    def __init__(self) -> None:
        self.entered, self.over = threading.Event(), threading.Event()

    async def _wait(self) -> None:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.over.set()
            raise

    async def Ask(self, request, context):
        await self._wait()
        return Reply()

    async def Watch(self, request, context):
        try:
            yield Reply(number=1)
            await self._wait()
        finally:
            # The client may have gone before the generator was resumed, which is then closed where it is.
            self.over.set()

    async def Collect(self, request_iterator, context):
        await self._wait()
        return Reply()

    async def Talk(self, request_iterator, context):
        try:
            yield Reply(number=1)
            await self._wait()
        finally:
            # The client may have gone before the generator was resumed, which is then closed where it is.
            self.over.set()


PEERS: dict[str, tuple[str, type[Servicer]]] = {
    "grpc.server": ("grpcio_server", Watched),
    "grpc.aio.server": ("aio_server", AsyncWatched),
    "ours, functions": ("bridge_server", Watched),
    "ours, coroutines": ("bridge_server", AsyncWatched),
}


@pytest.fixture(params=PEERS)
def servicer(request: pytest.FixtureRequest) -> Any:
    return PEERS[request.param][1]()


@pytest.fixture
async def stub(servicer: Any, request: pytest.FixtureRequest) -> Any:
    kind = request.node.callspec.params["servicer"]
    target = request.getfixturevalue(PEERS[kind][0])(servicer)
    async with grpc_bridge.insecure_channel(target) as channel:
        yield stub_of(channel)


async def first_of(call: Any) -> Any:
    async for reply in call:
        return reply


WAITS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "unary": lambda stub: stub.Ask(Request()),
    "with_call": lambda stub: stub.Ask.with_call(Request()),
    "future": lambda stub: stub.Ask.future(Request()),
    "client streaming": lambda stub: stub.Collect([Request()]),
}


async def awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


@pytest.mark.parametrize("wait", WAITS)
async def test_cancelling_the_task_that_awaits_cancels_the_rpc(stub: Any, servicer: Any, wait: str) -> None:
    task = asyncio.create_task(awaited(WAITS[wait](stub)))
    await wait_in_thread(servicer.entered)
    assert not servicer.over.is_set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await wait_in_thread(servicer.over)


@pytest.mark.parametrize("method", ["Watch", "Talk"])
async def test_cancelling_the_task_that_iterates_cancels_the_rpc(
    stub: Any, servicer: Any, method: str
) -> None:
    call = getattr(stub, method)(Request() if method == "Watch" else [Request()])

    async def iterate() -> None:
        async for _ in call:
            pass

    task = asyncio.create_task(iterate())
    await wait_in_thread(servicer.entered)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await wait_in_thread(servicer.over)
    assert call.cancelled()
    assert await call.code() == grpc.StatusCode.CANCELLED


@pytest.mark.parametrize("method", ["Watch", "Talk"])
async def test_leaving_a_stream_early_and_dropping_it_cancels_the_rpc(
    stub: Any, servicer: Any, method: str
) -> None:
    assert (await first_of(getattr(stub, method)(Request() if method == "Watch" else []))).number == 1
    gc.collect()
    await wait_in_thread(servicer.over)


async def test_a_deadline_of_the_tasks_own_cancels_the_rpc(stub: Any, servicer: Any) -> None:
    call = stub.Ask(Request())
    await wait_in_thread(servicer.entered)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(awaited(call), 0.1)
    await wait_in_thread(servicer.over)


async def test_cancel_by_hand(stub: Any, servicer: Any) -> None:
    call = stub.Ask.future(Request())
    await wait_in_thread(servicer.entered)
    assert call.cancel()
    assert not call.cancel()
    assert call.cancelled()
    assert call.done()
    assert await call.code() == grpc.StatusCode.CANCELLED
    assert await call.details() == "Locally cancelled by application!"
    with pytest.raises(grpc.FutureCancelledError):
        await call.result()
    with pytest.raises(grpc.RpcError) as caught:
        await call
    assert caught.value.code() == grpc.StatusCode.CANCELLED
    await wait_in_thread(servicer.over)


async def test_cancel_from_another_thread(stub: Any, servicer: Any) -> None:
    call = stub.Ask.future(Request())
    await wait_in_thread(servicer.entered)
    await asyncio.to_thread(call.cancel)
    assert await call.code() == grpc.StatusCode.CANCELLED
    await wait_in_thread(servicer.over)


async def test_waiting_for_a_state_does_not_own_the_call(stub: Any, servicer: Any) -> None:
    call = stub.Ask.future(Request())
    await wait_in_thread(servicer.entered)
    task = asyncio.create_task(call.code())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.is_active()
    call.cancel()
    await wait_in_thread(servicer.over)


async def test_a_thread_cancels_its_call(stub: Any, servicer: Any) -> None:
    def cancel_in_thread() -> None:
        call = stub.Ask.future(Request())
        assert servicer.entered.wait(PATIENCE)
        assert call.cancel()
        assert call.cancelled()

    await asyncio.to_thread(cancel_in_thread)
    await wait_in_thread(servicer.over)


# ---- calls that nobody waits for ---------------------------------------------------------------------


def unawaited(caught: list[warnings.WarningMessage]) -> list[str]:
    return [str(one.message) for one in caught if one.category is grpc_bridge.UnawaitedCallWarning]


@pytest.mark.parametrize("wait", ["unary", "with_call", "client streaming"])
async def test_a_call_never_awaited_warns_and_is_cancelled(stub: Any, servicer: Any, wait: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call = WAITS[wait](stub)
        await wait_in_thread(servicer.entered)
        del call
        gc.collect()
        method = "Collect" if wait == "client streaming" else "Ask"
        assert [f"/grpc_bridge.testing.Exchange/{method}" in text for text in unawaited(caught)] == [True]
    await wait_in_thread(servicer.over)


async def test_a_future_may_be_thrown_away(stub: Any, servicer: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stub.Ask.future(Request())
        await wait_in_thread(servicer.entered)
        gc.collect()
        # The server would have been told by now: this call comes after, on the same connection.
        later = stub.Watch(Request())
        assert (await later.read()).number == 1
        assert unawaited(caught) == []
        assert not servicer.over.is_set()
        later.cancel()


@pytest.mark.parametrize("claim", ["add_callback", "add_done_callback"])
async def test_a_call_with_a_callback_may_be_thrown_away(stub: Any, servicer: Any, claim: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(stub.Ask(Request(), timeout=PATIENCE), claim)(lambda *_: None)
        await wait_in_thread(servicer.entered)
        gc.collect()
        assert unawaited(caught) == []
    assert not servicer.over.is_set()


async def test_the_warning_is_a_runtime_warning() -> None:
    assert issubclass(grpc_bridge.UnawaitedCallWarning, RuntimeWarning)
