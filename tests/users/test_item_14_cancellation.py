"""Who cancelled what stays told apart, and told.

A cancelled task raises CancelledError with the message that it was cancelled with. A call cancelled by hand
raises an RpcError with CANCELLED where it is awaited or iterated over, and FutureCancelledError where
grpcio's futures do. In a callback that runs at the end, `cancelled()` says how it ended, on both sides.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import (
    PATIENCE,
    AsyncEcho,
    Echo,
    Servicer,
    Start,
    serving_here,
    stub_of,
    until,
    wait_in_thread,
)
from ..protos.exchange_pb2 import Reply, Request
from ..versions import told_across_tasks
from .conftest import Patient, Waiting


@pytest.fixture(params=["grpcio_server", "bridge_server"])
def start(request: pytest.FixtureRequest) -> Start:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


@pytest.fixture
def servicer() -> Patient:
    return Patient()


@pytest.fixture
async def stub(servicer: Patient, start: Start) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(start(servicer)) as channel:
        yield stub_of(channel)


STARTS: dict[str, Callable[[Any], Any]] = {
    "Ask": lambda stub: stub.Ask.future(Request()),
    "Watch": lambda stub: stub.Watch(Request()),
    "Collect": lambda stub: stub.Collect.future([Request()]),
    "Talk": lambda stub: stub.Talk([Request()]),
}


async def iterated(call: Any) -> list[Reply]:
    return [reply async for reply in call]


async def awaited(call: Awaitable[Any]) -> Any:
    return await call


def whole(call: Any) -> Any:
    """A coroutine that sees the call to its end."""
    return iterated(call) if hasattr(call, "__anext__") else awaited(call)


WAITS: dict[str, Callable[[Any], Any]] = {
    **{name: lambda stub, begin=begin: whole(begin(stub)) for name, begin in STARTS.items()},
    "Ask.with_call": lambda stub: awaited(stub.Ask.with_call(Request())),
    "Collect.with_call": lambda stub: awaited(stub.Collect.with_call([Request()])),
    "Watch().read()": lambda stub: awaited(stub.Watch(Request()).read()),
    "Talk().read()": lambda stub: awaited(stub.Talk([Request()]).read()),
    "future().result()": lambda stub: awaited(stub.Ask.future(Request()).result()),
    "future().code()": lambda stub: awaited(stub.Ask.future(Request(), timeout=PATIENCE).code()),
    "future().initial_metadata()": lambda stub: awaited(
        stub.Ask.future(Request(), timeout=PATIENCE).initial_metadata()
    ),
}


@pytest.mark.parametrize("wait", WAITS)
async def test_a_tasks_cancellation_keeps_its_message(stub: Any, servicer: Patient, wait: str) -> None:
    task = asyncio.create_task(WAITS[wait](stub))
    await wait_in_thread(servicer.entered)
    task.cancel("because of the weather")
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert task.cancelled()
    assert caught.value.args == told_across_tasks("because of the weather")
    # What only asks after a call does not own it, so only these end with the task that waits.
    if not wait.startswith("future()"):
        await wait_in_thread(servicer.over)
    servicer.over.set()


@pytest.mark.parametrize("method", STARTS)
async def test_the_message_reaches_an_except_clause_around_the_call(
    stub: Any, servicer: Patient, method: str
) -> None:
    seen = []

    async def handle() -> None:
        try:
            await whole(STARTS[method](stub))
        except asyncio.CancelledError as error:
            seen.append(error.args)
            raise

    task = asyncio.create_task(handle())
    await wait_in_thread(servicer.entered)
    task.cancel("shutting down")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [("shutting down",)]


# ---- by hand -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", STARTS)
async def test_a_call_cancelled_by_hand_is_an_rpc_error(stub: Any, servicer: Patient, method: str) -> None:
    call = STARTS[method](stub)
    await wait_in_thread(servicer.entered)
    assert call.cancel() is True
    assert call.cancel() is False
    task = asyncio.create_task(whole(call))
    with pytest.raises(grpc.RpcError) as caught:
        await task
    assert not task.cancelled()
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.CANCELLED
    assert error.details() == "Locally cancelled by application!"
    assert call.cancelled()
    assert call.done()
    assert await call.code() is grpc.StatusCode.CANCELLED
    await wait_in_thread(servicer.over)


@pytest.mark.parametrize("method", STARTS)
async def test_as_a_future_it_says_that_it_was_cancelled(stub: Any, servicer: Patient, method: str) -> None:
    call = STARTS[method](stub)
    await wait_in_thread(servicer.entered)
    call.cancel()
    for ask in (call.result, call.exception, call.traceback):
        with pytest.raises(grpc.FutureCancelledError):
            await ask()


@pytest.mark.parametrize("method", STARTS)
async def test_cancelled_by_hand_while_a_task_waits(stub: Any, servicer: Patient, method: str) -> None:
    call = STARTS[method](stub)
    task = asyncio.create_task(whole(call))
    await wait_in_thread(servicer.entered)
    call.cancel()
    with pytest.raises(grpc.RpcError) as caught:
        await task
    assert caught.value.code() is grpc.StatusCode.CANCELLED
    assert not task.cancelled()


@pytest.mark.parametrize("method", STARTS)
async def test_from_another_thread_while_a_task_waits(stub: Any, servicer: Patient, method: str) -> None:
    call = STARTS[method](stub)
    task = asyncio.create_task(whole(call))
    await wait_in_thread(servicer.entered)
    assert await asyncio.to_thread(call.cancel)
    with pytest.raises(grpc.RpcError) as caught:
        await task
    assert caught.value.code() is grpc.StatusCode.CANCELLED
    assert call.cancelled()


class Cancelling(Echo):
    """The server is who cancels."""

    def Ask(self, request, context):
        context.cancel()
        return Reply()


async def test_a_call_cancelled_by_the_server_was_not_cancelled_here(start: Start) -> None:
    async with grpc_bridge.insecure_channel(start(Cancelling())) as channel:
        call = stub_of(channel).Ask.future(Request())
        with pytest.raises(grpc.RpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.CANCELLED
        assert isinstance(await call.exception(), grpc.RpcError)
        with pytest.raises(grpc.RpcError):
            await call.result()


async def test_a_deadline_is_no_cancellation(stub: Any, servicer: Patient) -> None:
    call = stub.Ask.future(Request(), timeout=0.2)
    with pytest.raises(grpc.RpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert not call.cancelled()
    servicer.over.set()


# ---- in callbacks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["hand", "thread", "task"])
@pytest.mark.parametrize("method", STARTS)
async def test_in_the_clients_callbacks_cancelled_is_true(
    stub: Any, servicer: Patient, method: str, by: str
) -> None:
    call = STARTS[method](stub)
    seen: list[Any] = []
    call.add_done_callback(lambda one: seen.append((one is call, one.cancelled(), one.done(), one.code())))
    assert call.add_callback(lambda: seen.append((call.cancelled(), call.is_active())))
    task = asyncio.create_task(whole(call))
    await wait_in_thread(servicer.entered)
    if by == "hand":
        call.cancel()
    elif by == "thread":
        await asyncio.to_thread(call.cancel)
    else:
        task.cancel()
    await asyncio.wait([task])
    await until(lambda: len(seen) == 2)
    assert seen == [(True, True, True, grpc.StatusCode.CANCELLED), (True, False)]
    assert isinstance(task.exception() if by != "task" else None, (grpc.RpcError, type(None)))


class SeesTheEnd(Servicer):
    """Tells what its context says inside its callbacks."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.seen: list[tuple[str, bool, bool, bool]] = []

    def watch(self, context: Any) -> None:
        def state(name: str) -> None:
            self.seen.append((name, context.cancelled(), context.done(), context.is_active()))

        context.add_done_callback(lambda one: state("done" if one is context else "another"))
        assert context.add_callback(lambda: state("plain"))
        self.entered.set()


class FunctionSeesTheEnd(Waiting, SeesTheEnd):
    def _wait(self, context: Any) -> None:
        self.watch(context)
        over = threading.Event()
        if context.add_callback(over.set):
            over.wait(20)


class CoroutineSeesTheEnd(SeesTheEnd):
    async def Ask(self, request, context):
        self.watch(context)
        await asyncio.Event().wait()

    async def Watch(self, request, context):
        self.watch(context)
        await asyncio.Event().wait()
        yield Reply()

    async def Collect(self, request_iterator, context):
        self.watch(context)
        await asyncio.Event().wait()

    async def Talk(self, request_iterator, context):
        self.watch(context)
        await asyncio.Event().wait()
        yield Reply()


@pytest.mark.parametrize("colour", [FunctionSeesTheEnd, CoroutineSeesTheEnd])
@pytest.mark.parametrize("where", ["from sync code", "in a coroutine"])
@pytest.mark.parametrize("method", STARTS)
async def test_in_the_servers_callbacks_cancelled_is_true_after_a_client_cancels(
    bridge_server: Start, colour: type[SeesTheEnd], where: str, method: str
) -> None:
    servicer = colour()

    async def check(target: str) -> None:
        async with grpc_bridge.insecure_channel(target) as channel:
            call = STARTS[method](stub_of(channel))
            await wait_in_thread(servicer.entered)
            call.cancel()
            await until(lambda: len(servicer.seen) == 2)
            assert sorted(servicer.seen) == [("done", True, True, False), ("plain", True, True, False)]

    if where == "from sync code":
        await check(bridge_server(servicer))
    else:
        async with serving_here(servicer) as target:
            await check(target)


class Finishing(AsyncEcho):
    def __init__(self) -> None:
        self.seen: list[tuple[bool, bool]] = []

    async def Ask(self, request, context):
        context.add_done_callback(lambda one: self.seen.append((one.cancelled(), one.done())))
        return Reply()


async def test_in_the_servers_callback_a_call_that_ended_well_was_not_cancelled() -> None:
    servicer = Finishing()
    async with serving_here(servicer) as target, grpc_bridge.insecure_channel(target) as channel:
        await stub_of(channel).Ask(Request())
        await until(lambda: servicer.seen)
    assert servicer.seen == [(False, True)]
