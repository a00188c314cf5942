"""What coroutines of the core wait for does as asyncio's own futures do."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Callable
from typing import Any

import pytest

import grpc_bridge
from grpc_bridge._cy.handoff import Waiter, mailbox_of

from ..conftest import PATIENCE, AsyncEcho, Start, serving_here, stub_of
from ..protos.exchange_pb2 import Request
from ..versions import told_across_tasks

ASK = "/grpc_bridge.testing.Exchange/Ask"
Make = Callable[[], Any]


@pytest.fixture(params=["future", "waiter"])
def make(request: pytest.FixtureRequest) -> Make:
    def make() -> Any:
        loop = asyncio.get_running_loop()
        return loop.create_future() if request.param == "future" else Waiter(mailbox_of(loop))

    return make


async def wait_for(awaitable: Any) -> Any:
    return await awaitable


async def a_turn() -> None:
    await asyncio.sleep(0)


async def test_a_result_comes_before_the_await_or_after_it(make: Make) -> None:
    before, after = make(), make()
    before.set_result("before")
    assert await before == "before"
    task = asyncio.create_task(wait_for(after))
    await a_turn()
    assert not after.done()
    assert not task.done()
    after.set_result("after")
    assert await task == "after"
    assert (after.done(), after.cancelled(), after.result(), after.exception()) == (
        True,
        False,
        "after",
        None,
    )


async def test_a_task_that_is_cancelled_cancels_what_it_waits_for(make: Make) -> None:
    waited_for = make()
    task = asyncio.create_task(wait_for(waited_for))
    await a_turn()
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.args == told_across_tasks("enough")
    assert waited_for.cancelled()
    assert not waited_for.cancel()
    with pytest.raises(asyncio.CancelledError):
        waited_for.result()
    with pytest.raises(asyncio.InvalidStateError):
        waited_for.set_result(None)


async def test_what_asyncio_does_with_futures(make: Make) -> None:
    assert asyncio.isfuture(make())
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(make(), 0)
    with pytest.raises(asyncio.InvalidStateError):
        make().result()
    one, other = make(), make()
    together = asyncio.gather(one, other)
    one.set_result(1)
    other.set_result(2)
    assert await together == [1, 2]
    shielded = make()
    task = asyncio.ensure_future(asyncio.shield(shielded))
    await a_turn()
    task.cancel()
    await a_turn()
    assert not shielded.done()
    shielded.set_result(None)


async def test_callbacks_are_called_in_order_and_in_their_context(make: Make) -> None:
    variable = contextvars.ContextVar("variable", default="none")
    waited_for = make()
    seen: list[tuple[str, str]] = []

    def callback(name: str) -> Callable[[Any], None]:
        return lambda _: seen.append((name, variable.get()))

    dropped = callback("dropped")
    for name in ("first", "second"):
        variable.set(name)
        waited_for.add_done_callback(callback(name))
    waited_for.add_done_callback(dropped)
    waited_for.add_done_callback(callback("third"), context=contextvars.Context())
    assert waited_for.remove_done_callback(dropped) == 1
    assert waited_for.remove_done_callback(dropped) == 0
    waited_for.set_result(None)
    assert seen == []
    await a_turn()
    assert seen == [("first", "first"), ("second", "second"), ("third", "none")]
    variable.set("late")
    waited_for.add_done_callback(callback("late"))
    await a_turn()
    assert seen[3:] == [("late", "late")]


async def test_a_task_of_another_loop_is_refused(make: Make) -> None:
    waited_for = make()

    def elsewhere() -> None:
        with pytest.raises(RuntimeError, match="attached to a different loop"):
            asyncio.run(wait_for(waited_for))

    await asyncio.to_thread(elsewhere)


@pytest.mark.parametrize("debug", [False, True])
async def test_a_call_leaves_its_task_as_it_was(debug: bool, bridge_server: Start) -> None:
    """The task that goes on where a completion arrived is the current one, in its own context."""
    asyncio.get_running_loop().set_debug(debug)
    variable = contextvars.ContextVar("variable", default="none")
    async with grpc_bridge.insecure_channel(bridge_server(AsyncEcho())) as channel:
        stub = stub_of(channel)

        async def ask(name: str) -> None:
            variable.set(name)
            task = asyncio.current_task()
            for _ in range(20):
                assert (await stub.Ask(Request(text=name))).text == name.upper()
                assert asyncio.current_task() is task
                assert variable.get() == name

        await asyncio.wait_for(asyncio.gather(*map(ask, "abcdefgh")), PATIENCE)
    assert variable.get() == "none"


@pytest.mark.parametrize("where", ["task", "deserializer"])
def test_what_ends_the_loop_takes_no_other_call_with_it(where: str, bridge_server: Start) -> None:
    target = bridge_server(AsyncEcho())
    loop = asyncio.new_event_loop()
    answered: list[bytes] = []

    def end(place: str, response: bytes) -> bytes:
        if place == where and b"FIRST" in response:
            raise KeyboardInterrupt
        return response

    async def ask(method: Any, name: str) -> None:
        answered.append(end("task", await method(Request(text=name).SerializeToString())))

    async def ask_all() -> list[asyncio.Task[None]]:
        channel = grpc_bridge.insecure_channel(target)
        await channel.channel_ready()
        method = channel.unary_unary(ASK, None, lambda response: end("deserializer", response))
        return [asyncio.create_task(ask(method, name)) for name in ("first", *"abcdefgh")]

    tasks = loop.run_until_complete(ask_all())
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(asyncio.wait(tasks, timeout=PATIENCE))
    _, unfinished = loop.run_until_complete(asyncio.wait(tasks, timeout=PATIENCE))
    assert not unfinished
    assert isinstance(tasks[0].exception(), KeyboardInterrupt if where == "task" else grpc_bridge.RpcError)
    assert len(answered) == 8
    loop.close()


async def test_a_handler_begins_as_its_loop_makes_tasks() -> None:
    """A loop with a factory of its own gets to see every handler, and so does one in debug mode."""
    made: list[str] = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop = asyncio.get_running_loop()
    async with serving_here() as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        for debug in (False, True):
            loop.set_debug(debug)
            assert (await stub.Ask(Request(text="a"))).text == "A"
        loop.set_debug(False)
        loop.set_task_factory(factory)
        assert (await stub.Ask(Request(text="b"))).text == "B"
        loop.set_task_factory(None)
        assert (await stub.Ask(Request(text="c"))).text == "C"
    if sys.version_info < (3, 12):  # from there on they are started eagerly, past the factory
        assert len(made) == 1
