"""A call that is thrown away says so once, naming its method and the line that started it, and ends.

"Thrown away" is: collected without having been awaited, iterated over, cancelled or given a callback.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import grpc_bridge

from ..conftest import Echo, Start, stub_of, wait_in_thread
from ..protos.exchange_pb2 import Reply, Request
from .conftest import Patient

SERVICE = "/grpc_bridge.testing.Exchange/"


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


CALLS: dict[str, Callable[[Any], Any]] = {
    "Ask": lambda stub: stub.Ask(Request()),
    "Ask.with_call": lambda stub: stub.Ask.with_call(Request()),
    "Watch": lambda stub: stub.Watch(Request()),
    "Collect": lambda stub: stub.Collect([Request()]),
    "Collect.with_call": lambda stub: stub.Collect.with_call([Request()]),
    "Talk": lambda stub: stub.Talk([Request()]),
}


def texts(caught: list[warnings.WarningMessage]) -> list[str]:
    return [str(one.message) for one in caught if issubclass(one.category, RuntimeWarning)]


@pytest.mark.parametrize("method", CALLS)
async def test_a_call_thrown_away_warns_once_and_is_cancelled(
    stub: Any, servicer: Patient, method: str
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call = CALLS[method](stub)
        await wait_in_thread(servicer.entered)
        del call
        gc.collect()
        await wait_in_thread(servicer.over)
        gc.collect()
    assert [one.category for one in caught] == [grpc_bridge.UnawaitedCallWarning]
    assert f"a call of {SERVICE}{method.partition('.')[0]} was never" in str(caught[0].message)


@pytest.mark.parametrize("method", ["Ask", "Watch", "Collect", "Talk"])
async def test_a_call_thrown_away_is_collected(stub: Any, servicer: Patient, method: str) -> None:
    call = CALLS[method](stub)
    gone = weakref.ref(call)
    await wait_in_thread(servicer.entered)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del call
        gc.collect()
    assert gone() is None
    assert len(texts(caught)) == 1


async def test_an_unfinished_stream_that_was_read_from_is_cancelled_without_a_word(
    start: Start,
) -> None:
    over = threading.Event()

    class Endless(Echo):
        def Watch(self, request, context):
            context.add_callback(over.set)
            while context.is_active():
                yield Reply()

    async with grpc_bridge.insecure_channel(start(Endless())) as channel:
        call = stub_of(channel).Watch(Request())
        assert await anext(aiter(call)) == Reply()
        gone = weakref.ref(call)
        del call
        gc.collect()
        assert gone() is None
        await wait_in_thread(over)


@pytest.mark.parametrize("method", CALLS)
async def test_in_debug_mode_the_warning_names_the_line(stub: Any, method: str) -> None:
    asyncio.get_running_loop().set_debug(True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call = CALLS[method](stub)
        del call
        gc.collect()
    [text] = texts(caught)
    assert f"(started at {__file__}:{CALLS[method].__code__.co_firstlineno})" in text


USES: dict[str, Callable[[Any], object]] = {
    "cancelled": lambda call: call.cancel(),
    "given a callback": lambda call: call.add_callback(lambda: None),
    "given a done callback": lambda call: call.add_done_callback(lambda _: None),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("method", ["Ask", "Watch", "Collect", "Talk"])
async def test_a_call_that_somebody_cares_for_does_not_warn(stub: Any, method: str, use: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call = CALLS[method](stub)
        USES[use](call)
        del call
        gc.collect()
    assert texts(caught) == []


@pytest.mark.parametrize("method", ["Ask", "Collect"])
async def test_a_task_that_awaits_keeps_the_call_from_warning(stub: Any, method: str) -> None:
    async def wait(call: Any) -> None:
        await call

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        task = asyncio.create_task(wait(CALLS[method](stub)))
        await asyncio.sleep(0)
        gc.collect()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        gc.collect()
    assert texts(caught) == []


async def test_a_forgotten_await_that_was_answered_still_warns(grpcio_server: Start) -> None:
    async with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        stub = stub_of(channel)
        call = stub.Ask(Request(text="forgotten"))
        while not call.done():  # noqa: ASYNC110 - a callback would be a use of the call
            await asyncio.sleep(0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del call
            gc.collect()
    [text] = texts(caught)
    assert "Ask was never awaited" in text
