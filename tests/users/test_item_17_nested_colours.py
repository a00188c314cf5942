"""Sync code that calls async code that calls sync code, three deep in handlers, ends: there is no deadlock.

A function in a handler's pool thread runs a coroutine with `grpc_bridge.run`; the coroutine awaits a stub,
whose handler is a function in the same pool, and so on; with `wait_for` and `create_task` on the way. `run`
on a loop's own thread raises at once.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent import futures
from contextlib import ExitStack
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, LoopInThread, Servicer, Start, serving_here, stub_of
from ..protos.exchange_pb2 import Reply, Request

DEPTH = 3


class Nesting(Servicer):
    """Each handler asks the next, which is of the other colour and one less deep; says what they were."""

    def __init__(self) -> None:
        self.stub: Any = None

    def Ask(self, request, context):
        """A function: it crosses to async code with run()."""
        if not request.number:
            return Reply(text="end")
        answer = grpc_bridge.run(self.deeper(Request(number=request.number - 1, text=request.text)))
        return Reply(text=f"function > {answer}")

    def Watch(self, request, context):
        """A generator function."""
        answer = grpc_bridge.run(self.deeper(Request(number=request.number - 1, text=request.text)))
        yield Reply(text=f"generator > {answer}")

    async def Collect(self, request_iterator, context):
        """A coroutine: the handler that it asks is sync code."""
        [request] = [request async for request in request_iterator]
        reply = await self.stub.Ask(Request(number=request.number - 1, text=request.text))
        return Reply(text=f"coroutine > {reply.text}")

    async def Talk(self, request_iterator, context):
        """An async generator, which crosses to sync code in a thread."""
        async for request in request_iterator:
            deeper = Request(number=request.number - 1, text=request.text)
            reply = await asyncio.to_thread(self.stub.Ask, deeper)
            yield Reply(text=f"async generator > {reply.text}")

    async def deeper(self, request: Request) -> str:
        return await ask(self.stub, request)


async def awaited(call: Any) -> Any:
    return await call


async def collect(stub: Any, request: Request) -> Any:
    return await stub.Collect([request])


async def gathered(stub: Any, request: Request) -> Any:
    reply, other = await asyncio.gather(stub.Collect([request]), stub.Ask(Request()))
    assert other.text == "end"
    return reply


async def last_of_stream(stub: Any, request: Request) -> Any:
    [reply] = [reply async for reply in stub.Talk([request])]
    return reply


WAYS: dict[str, Callable[[Any, Request], Awaitable[Any]]] = {
    "await": collect,
    "wait_for a call": lambda stub, request: asyncio.wait_for(stub.Collect([request]), PATIENCE),
    "wait_for a coroutine": lambda stub, request: asyncio.wait_for(collect(stub, request), PATIENCE),
    "create_task": lambda stub, request: asyncio.create_task(collect(stub, request)),
    "gather": gathered,
    "blocking in a thread": lambda stub, request: asyncio.to_thread(stub.Collect, iter([request])),
    "run in a thread": lambda stub, request: asyncio.to_thread(grpc_bridge.run, collect(stub, request)),
    "a stream": last_of_stream,
}


async def ask(stub: Any, request: Request) -> str:
    return (await WAYS[request.text](stub, request)).text


def nested(way: str) -> str:
    coroutine = "async generator" if way == "a stream" else "coroutine"
    return f"function > {coroutine} > " * DEPTH + "end"


@pytest.fixture(params=["bridge_server", "a loop"])
def stub(
    request: pytest.FixtureRequest, bridge_server: Start, loop_in_thread: Callable[..., LoopInThread]
) -> Iterator[Any]:
    """Of a server that calls itself; its pool has threads for the functions that wait, and no more."""
    servicer = Nesting()
    with futures.ThreadPoolExecutor(DEPTH + 2) as pool, ExitStack() as ends:
        if request.param == "a loop":
            loop = loop_in_thread()
            serving = serving_here(servicer, thread_pool=pool)
            target = loop.run(serving.__aenter__())
            ends.callback(lambda: loop.run(serving.__aexit__(None, None, None)))
        else:
            target = bridge_server(servicer, thread_pool=pool)
        channel = ends.enter_context(grpc_bridge.insecure_channel(target))
        servicer.stub = stub_of(channel)
        yield servicer.stub


@pytest.mark.parametrize("way", WAYS)
def test_three_deep_from_a_thread(stub: Any, way: str) -> None:
    request = Request(number=2 * DEPTH, text=way)
    assert stub.Ask(request, timeout=PATIENCE).text == nested(way)
    [reply] = stub.Watch(request, timeout=PATIENCE)
    assert reply.text == nested(way).replace("function", "generator", 1)


@pytest.mark.parametrize("way", WAYS)
async def test_three_deep_from_a_coroutine(stub: Any, way: str) -> None:
    request = Request(number=2 * DEPTH, text=way)
    reply = await asyncio.wait_for(stub.Ask(request, timeout=PATIENCE), PATIENCE)
    assert reply.text == nested(way)
    task = asyncio.create_task(awaited(stub.Ask(request, timeout=PATIENCE)))
    assert (await task).text == nested(way)


@pytest.mark.parametrize("way", WAYS)
def test_three_deep_from_run(stub: Any, way: str) -> None:
    """The background loop's own coroutine is the outermost, and is there for the inner ones, too."""
    answer = grpc_bridge.run(ask(stub, Request(number=2 * DEPTH - 1, text=way)))
    assert f"function > {answer}" == nested(way)


# The others hold a thread of the loop's default executor at each level, of which it has few.
@pytest.mark.parametrize("way", ["await", "wait_for a call", "wait_for a coroutine", "create_task", "gather"])
def test_several_nests_at_once(bridge_server: Start, way: str) -> None:
    servicer = Nesting()
    with futures.ThreadPoolExecutor(4 * (DEPTH + 2)) as pool:
        target = bridge_server(servicer, thread_pool=pool)
        with grpc_bridge.insecure_channel(target) as channel:
            servicer.stub = stub_of(channel)
            request = Request(number=2 * DEPTH, text=way)
            calls = [servicer.stub.Ask.future(request, timeout=PATIENCE) for _ in range(4)]
            assert {call.result(PATIENCE).text for call in calls} == {nested(way)}


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


async def test_context_variables_and_exceptions_cross_every_border() -> None:
    """Without any RPC: a coroutine, its thread, `run` in it, a thread of that, and `run` again."""

    class Found(Exception):
        pass

    async def innermost() -> None:
        raise Found(VARIABLE.get())

    async def middle() -> None:
        await asyncio.to_thread(lambda: grpc_bridge.run(asyncio.wait_for(innermost_task(), PATIENCE)))

    async def innermost_task() -> None:
        await asyncio.create_task(innermost())

    VARIABLE.set("set outside")
    with pytest.raises(Found, match="set outside"):
        await asyncio.to_thread(lambda: grpc_bridge.run(middle()))


# ---- what would deadlock raises ----------------------------------------------------------------------


async def test_run_on_a_loops_thread_raises_at_once() -> None:
    entered = False

    async def never() -> None:
        nonlocal entered
        entered = True

    with pytest.raises(RuntimeError, match="await the coroutine there"):
        grpc_bridge.run(never())
    assert not entered


def test_run_on_the_background_loops_own_thread_raises_at_once() -> None:
    async def outer() -> None:
        with pytest.raises(RuntimeError, match="await the coroutine there"):
            grpc_bridge.run(asyncio.sleep(0))

    grpc_bridge.run(outer())


def test_run_in_a_callback_of_the_background_loop_raises_at_once() -> None:
    async def outer() -> BaseException:
        outcome: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

        def in_callback() -> None:
            coroutine = asyncio.sleep(0)
            try:
                grpc_bridge.run(coroutine)
            except RuntimeError as error:
                outcome.set_result(error)

        asyncio.get_running_loop().call_soon(in_callback)
        return await asyncio.wait_for(outcome, PATIENCE)

    assert "await the coroutine there" in str(grpc_bridge.run(outer()))


async def test_run_in_an_async_handler_raises_and_the_server_goes_on() -> None:
    class Wrong(AsyncEcho):
        async def Ask(self, request, context):
            if request.text == "wrong":
                grpc_bridge.run(asyncio.sleep(0))
            return Reply(text="right")

    async with serving_here(Wrong()) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        with pytest.raises(grpc.RpcError, match="await the coroutine there"):
            await stub.Ask(Request(text="wrong"), timeout=PATIENCE)
        assert (await stub.Ask(Request(), timeout=PATIENCE)).text == "right"


def test_a_coroutine_of_run_that_blocks_on_its_own_loops_call_raises(bridge_server: Start) -> None:
    release = threading.Event()

    class Held(AsyncEcho):
        def Ask(self, request, context):
            release.wait(PATIENCE)
            return Reply()

    with grpc_bridge.insecure_channel(bridge_server(Held())) as channel:
        stub = stub_of(channel)

        async def outer() -> None:
            call = stub.Ask.future(Request())
            with grpc_bridge.blocking(), pytest.raises(grpc_bridge.WouldDeadlock):
                call.result()
            release.set()
            await call

        grpc_bridge.run(outer())
