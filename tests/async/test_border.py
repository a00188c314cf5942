"""Crossing between the colours: `run` from sync code, `blocking` on a loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import grpc_bridge

from ..conftest import AsyncEcho, Start, in_plain_thread, serving_here, stub_of
from ..protos.exchange_pb2 import Request


@pytest.fixture
def stub(grpcio_server: Start) -> Iterator[Any]:
    with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        yield stub_of(channel)


# ---- run ---------------------------------------------------------------------------------------------


def test_run_gives_a_coroutines_value(stub: Any) -> None:
    async def ask(text: str) -> str:
        return (await stub.Ask(Request(text=text))).text

    assert grpc_bridge.run(ask("one")) == "ONE"
    assert in_plain_thread(grpc_bridge.run, ask("two")) == "TWO"


def test_run_raises_what_the_coroutine_raises() -> None:
    async def fail() -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        grpc_bridge.run(fail())


def test_run_takes_whatever_can_be_awaited() -> None:
    class Awaitable:
        def __await__(self) -> Iterator[Any]:
            yield from asyncio.sleep(0).__await__()
            return "awaited"

    assert grpc_bridge.run(Awaitable()) == "awaited"


def test_run_uses_one_loop() -> None:
    async def here() -> tuple[asyncio.AbstractEventLoop, int]:
        return asyncio.get_running_loop(), threading.get_ident()

    assert grpc_bridge.run(here()) == grpc_bridge.run(here())


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE")


def test_run_carries_context_variables_in() -> None:
    async def read() -> str:
        return VARIABLE.get()

    def with_value() -> str:
        VARIABLE.set("carried")
        return grpc_bridge.run(read())

    assert contextvars.copy_context().run(with_value) == "carried"


async def test_run_on_a_loops_thread_is_refused_with_the_remedy() -> None:
    async def never() -> None:
        raise AssertionError("it must not have been started")

    with pytest.raises(RuntimeError, match="await the coroutine there"):
        grpc_bridge.run(never())


def test_run_from_many_threads_at_once(stub: Any) -> None:
    async def ask(number: int) -> int:
        return (await stub.Ask(Request(number=number))).number

    results: dict[int, int] = {}

    def work(number: int) -> None:
        results[number] = grpc_bridge.run(ask(number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == {number: number for number in range(20)}


# ---- blocking ----------------------------------------------------------------------------------------

MAY_BLOCK = pytest.mark.filterwarnings("ignore::grpc_bridge.BlockingCallWarning")


async def test_blocking_on_a_loop_is_warned_of(stub: Any) -> None:
    with grpc_bridge.blocking(), pytest.warns(grpc_bridge.BlockingCallWarning, match="Ask holds up"):
        stub.Ask(Request())


@MAY_BLOCK
async def test_blocking_gives_the_sync_colour_on_a_loop(stub: Any) -> None:
    with grpc_bridge.blocking():
        assert stub.Ask(Request(text="now")).text == "NOW"
        assert [reply.number for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
        assert stub.Collect(iter([Request(number=2)])).number == 2
    assert (await stub.Ask(Request(text="later"))).text == "LATER"


def test_blocking_changes_nothing_in_a_thread(stub: Any) -> None:
    with grpc_bridge.blocking():
        assert stub.Ask(Request(text="now")).text == "NOW"


async def test_blocking_does_not_leak_into_tasks_started_inside(stub: Any) -> None:
    async def ask() -> str:
        return (await stub.Ask(Request(text="task"))).text

    with grpc_bridge.blocking():
        task = asyncio.create_task(ask())
    assert await task == "TASK"


@MAY_BLOCK
async def test_blocking_does_not_leak_into_other_tasks(stub: Any) -> None:
    inside, leave = asyncio.Event(), asyncio.Event()

    async def stays_inside() -> None:
        with grpc_bridge.blocking():
            inside.set()
            await leave.wait()
            assert stub.Ask(Request(text="still")).text == "STILL"

    task = asyncio.create_task(stays_inside())
    await inside.wait()
    assert (await stub.Ask(Request(text="outside"))).text == "OUTSIDE"
    leave.set()
    await task


@MAY_BLOCK
async def test_blocking_nests_and_ends_with_an_exception(stub: Any) -> None:
    def fail_inside() -> None:
        with grpc_bridge.blocking():
            with grpc_bridge.blocking():
                pass
            assert stub.Ask(Request(text="in")).text == "IN"
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert (await stub.Ask(Request(text="out"))).text == "OUT"


async def test_a_callback_is_in_the_sync_context(stub: Any) -> None:
    seen = asyncio.get_running_loop().create_future()

    async def ask() -> str:
        return (await stub.Ask(Request(text="task"))).text

    def on_done(call: Any) -> None:
        seen.set_result((call.result().text, asyncio.ensure_future(ask())))

    stub.Ask.future(Request(text="call")).add_done_callback(on_done)
    text, task = await seen
    assert text == "CALL"
    # A task that is started in a callback is none itself.
    assert await task == "TASK"


async def test_a_blocking_call_that_its_own_loop_would_answer_is_refused() -> None:
    async with serving_here(AsyncEcho()) as target:
        stub = stub_of(grpc_bridge.insecure_channel(target))
        with grpc_bridge.blocking(), pytest.raises(grpc_bridge.WouldDeadlock, match="another thread"):
            stub.Ask(Request())
