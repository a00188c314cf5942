"""A sync call on a running loop's thread works, and warns once for each place that makes one.

The warning has a category of its own and tells the awaitable spelling. A worker thread is never warned.
Waiting there for a call of the same loop that is not done raises, where it would deadlock.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import Start, stub_of, wait_in_thread
from ..protos.exchange_pb2 import Reply, Request
from .conftest import Patient


@pytest.fixture
async def stub(grpcio_server: Start) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        yield stub_of(channel)


@contextmanager
def recorded(action: Any = "default") -> Iterator[list[warnings.WarningMessage]]:
    """The warnings as Python shows them without any option: once for each line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        yield caught


SYNC: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "unary": ("Ask", lambda stub: stub.Ask(Request(number=3)).number),
    "unary with_call": ("Ask", lambda stub: stub.Ask.with_call(Request(number=3))[0].number),
    "server streaming": ("Watch", lambda stub: len(list(stub.Watch(Request(number=3))))),
    "client streaming": ("Collect", lambda stub: stub.Collect(iter([Request(number=3)])).number),
    "client streaming with_call": (
        "Collect",
        lambda stub: stub.Collect.with_call(iter([Request(number=3)]))[0].number,
    ),
    "both streaming": ("Talk", lambda stub: len(list(stub.Talk(iter([Request()] * 3))))),
}


@pytest.mark.parametrize("kind", SYNC)
async def test_it_works_and_warns_once_for_a_call_site(stub: Any, kind: str) -> None:
    method, use = SYNC[kind]
    with recorded() as caught, grpc_bridge.blocking():
        assert [use(stub) for _ in range(5)] == [3] * 5
    [warning] = caught
    assert warning.category is grpc_bridge.BlockingCallWarning
    text = str(warning.message)
    assert f"/grpc_bridge.testing.Exchange/{method} " in text
    assert "`await stub.Method(...)`" in text
    # It is attributed to the line that made the call, not to one of ours.
    assert warning.filename == __file__
    assert use.__code__.co_firstlineno <= warning.lineno <= use.__code__.co_firstlineno + 2


async def test_each_call_site_warns(stub: Any) -> None:
    with recorded() as caught, grpc_bridge.blocking():
        for _ in range(3):
            stub.Ask(Request())
            stub.Ask(Request())
    first, second = caught
    assert second.lineno == first.lineno + 1


async def test_the_warning_is_silenced_by_its_category(stub: Any) -> None:
    assert issubclass(grpc_bridge.BlockingCallWarning, RuntimeWarning)
    with recorded("error") as caught, grpc_bridge.blocking():
        warnings.simplefilter("ignore", grpc_bridge.BlockingCallWarning)
        assert stub.Ask(Request(text="now")).text == "NOW"
    assert caught == []


async def test_the_warning_made_an_error_is_raised_before_anything_is_sent(stub: Any) -> None:
    with recorded("error"), grpc_bridge.blocking(), pytest.raises(grpc_bridge.BlockingCallWarning):
        stub.Ask(Request())


@pytest.mark.parametrize("kind", SYNC)
async def test_a_worker_thread_is_not_warned(stub: Any, kind: str) -> None:
    _, use = SYNC[kind]

    def with_blocking() -> Any:
        with grpc_bridge.blocking():
            return use(stub)

    with recorded("always") as caught:
        assert await asyncio.to_thread(use, stub) == 3
        assert await asyncio.to_thread(with_blocking) == 3
        with grpc_bridge.blocking():
            assert await asyncio.to_thread(use, stub) == 3
        assert await asyncio.get_running_loop().run_in_executor(None, use, stub) == 3
    assert caught == []


async def test_the_awaited_spelling_is_not_warned_of(stub: Any) -> None:
    with recorded("always") as caught:
        assert (await stub.Ask(Request(number=3))).number == 3
        future = stub.Ask.future(Request(number=3))
        assert (await future.result()).number == 3
        future.add_done_callback(lambda call: call.result())
    assert caught == []


async def test_starting_a_future_does_not_block_and_is_not_warned_of(stub: Any) -> None:
    with recorded("always") as caught, grpc_bridge.blocking():
        future = stub.Ask.future(Request(number=3))
    assert caught == []
    assert (await asyncio.to_thread(future.result, 20)).number == 3


ASKS: dict[str, Callable[[Any], Any]] = {
    "result": lambda call: call.result(),
    "result with a timeout": lambda call: call.result(timeout=20),
    "exception": lambda call: call.exception(),
    "traceback": lambda call: call.traceback(),
    "code": lambda call: call.code(),
    "details": lambda call: call.details(),
    "trailing_metadata": lambda call: call.trailing_metadata(),
    "initial_metadata": lambda call: call.initial_metadata(),
}


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("method", ["Ask", "Collect"])
async def test_waiting_for_an_undone_call_of_this_loop_raises(
    grpcio_server: Start, method: str, ask: str
) -> None:
    servicer = Patient()
    async with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        requests = Request() if method == "Ask" else [Request()]
        call = getattr(stub_of(channel), method).future(requests)
        await wait_in_thread(servicer.entered)
        with grpc_bridge.blocking(), pytest.raises(grpc_bridge.WouldDeadlock, match="await it instead"):
            ASKS[ask](call)
        assert call.is_active()
        call.cancel()
        await wait_in_thread(servicer.over)


async def test_iterating_over_a_stream_of_this_loop_raises(grpcio_server: Start) -> None:
    servicer = Patient()
    async with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        call = stub_of(channel).Watch(Request())
        await wait_in_thread(servicer.entered)
        with grpc_bridge.blocking(), pytest.raises(grpc_bridge.WouldDeadlock, match="await it instead"):
            next(call)
        call.cancel()
        await wait_in_thread(servicer.over)


async def test_in_a_callback_an_undone_call_raises(grpcio_server: Start) -> None:
    servicer = Patient()
    async with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        stub = stub_of(channel)
        undone = stub.Ask.future(Request())
        await wait_in_thread(servicer.entered)
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def on_done(_: Any) -> None:
            try:
                outcome.set_result(undone.result())
            except Exception as error:
                outcome.set_exception(error)

        stub.Ask.future(Request(), timeout=0.01).add_done_callback(on_done)
        with pytest.raises(grpc_bridge.WouldDeadlock, match="await it instead"):
            await outcome
        undone.cancel()
        await wait_in_thread(servicer.over)


async def test_a_done_call_of_this_loop_is_asked_without_waiting(stub: Any) -> None:
    call = stub.Ask.future(Request(number=3))
    await call
    with recorded("always") as caught, grpc_bridge.blocking():
        assert call.result() == Reply(number=3)
        assert call.exception() is None
        assert call.code() is grpc.StatusCode.OK
    assert caught == []
