"""A server's life: colours side by side, its end awaited or not, its port again, its limits."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import (
    LOOPBACK,
    PATIENCE,
    AsyncEcho,
    Echo,
    Servicer,
    Start,
    in_plain_thread,
    serving_here,
    stub_of,
    until,
    wait_in_thread,
)
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request


class OneBlocks(AsyncEcho):
    """`Ask` is a function that blocks, the rest are coroutines."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Semaphore(0), threading.Event()

    def Ask(self, request, context):
        self.entered.release()
        self.release.wait(PATIENCE)
        return Reply(text=request.text)


def make_server(servicer: Servicer, address: str = LOOPBACK, **options: Any) -> tuple[Any, str]:
    server = grpc_bridge.server(**options)
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    return server, f"127.0.0.1:{server.add_insecure_port(address)}"


# ---- colours side by side ----------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["from sync code", "in a coroutine"])
async def test_blocked_functions_do_not_block_coroutines(start: str, bridge_server: Start) -> None:
    async def check(target: str, servicer: OneBlocks) -> None:
        async with grpc_bridge.insecure_channel(target) as channel:
            stub = stub_of(channel)
            blocked = [stub.Ask.future(Request(text="blocked")) for _ in range(3)]
            for _ in range(3):
                assert await asyncio.to_thread(servicer.entered.acquire, timeout=PATIENCE)
            assert [reply.number async for reply in stub.Watch(Request(number=5))] == list(range(5))
            assert (await stub.Collect([Request(number=2)])).number == 2
            assert not any(call.done() for call in blocked)
            servicer.release.set()
            assert [(await call).text for call in blocked] == ["blocked"] * 3

    servicer = OneBlocks()
    if start == "from sync code":
        await check(bridge_server(servicer), servicer)
    else:
        async with serving_here(servicer) as target:
            await check(target, servicer)


async def test_the_loops_task_factory_makes_the_tasks_of_handlers() -> None:
    class Task(asyncio.Task[Any]):
        pass

    class TellsItsTask(AsyncEcho):
        async def Ask(self, request, context):
            return Reply(number=int(isinstance(asyncio.current_task(), Task)))

        async def Watch(self, request, context):
            yield Reply(number=int(isinstance(asyncio.current_task(), Task)))

    asyncio.get_running_loop().set_task_factory(
        lambda loop, coroutine, **more: Task(coroutine, loop=loop, **more)
    )
    async with serving_here(TellsItsTask()) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        assert (await stub.Ask(Request())).number == 1
        assert [reply.number async for reply in stub.Watch(Request())] == [1]


def identity(thing: object) -> bytes:
    return str(id(thing)).encode()


class WhereItRuns(Servicer):
    def Ask(self, request, context):
        return Reply(text=threading.current_thread().name)

    async def Collect(self, request_iterator, context):
        return Reply(text=threading.current_thread().name, payload=identity(asyncio.get_running_loop()))


async def test_started_in_a_coroutine_it_uses_that_loop() -> None:
    async with serving_here(WhereItRuns()) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        assert (await stub.Collect([])).payload == identity(asyncio.get_running_loop())
        assert (await stub.Ask(Request())).text != threading.current_thread().name


def test_started_from_sync_code_it_has_a_loop_of_its_own(bridge_server: Start) -> None:
    with grpc_bridge.insecure_channel(bridge_server(WhereItRuns())) as channel:
        stub = stub_of(channel)
        replies = [stub.Collect(iter(())) for _ in range(3)]
        assert len({reply.payload for reply in replies}) == 1
        assert replies[0].text != stub.Ask(Request()).text != threading.current_thread().name


def test_functions_alone_need_no_loop(bridge_server: Start) -> None:
    names_before = {thread.name for thread in threading.enumerate()}
    with grpc_bridge.insecure_channel(bridge_server(Echo())) as channel:
        assert stub_of(channel).Ask(Request(text="a")).text == "A"
        assert "grpc_bridge server" not in {thread.name for thread in threading.enumerate()} - names_before


async def test_many_open_streams_take_no_threads() -> None:
    release = asyncio.Event()

    class Waits(AsyncEcho):
        async def Watch(self, request, context):
            yield Reply()
            await release.wait()

    async with serving_here(Waits()) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        await stub.Ask(Request())
        before = set(threading.enumerate())
        calls = [stub.Watch(Request()) for _ in range(300)]
        assert len([await call.read() for call in calls]) == 300
        assert set(threading.enumerate()) <= before
        release.set()
        assert {await call.read() for call in calls} == {grpc.aio.EOF}


# ---- its end -----------------------------------------------------------------------------------------


class Waiting(AsyncEcho):
    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), asyncio.Event()
        self.cancelled = False

    async def Ask(self, request, context):
        self.entered.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return Reply(text="answered")


@pytest.mark.parametrize("awaited", [True, False])
async def test_stop_without_grace_cancels_what_is_in_flight(awaited: bool) -> None:
    servicer = Waiting()
    server, target = make_server(servicer)
    await server.start()
    async with grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(channel).Ask.future(Request())
        await wait_in_thread(servicer.entered)
        stopped = server.stop(None)
        if awaited:
            await stopped
            assert stopped.is_set()
        with pytest.raises(grpc.RpcError) as caught:
            await call
        assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        await asyncio.wait_for(server.wait_for_termination(), PATIENCE)
        # The server has told the handler, which may not have had its turn.
        await until(lambda: servicer.cancelled)


async def test_stop_with_grace_lets_calls_end() -> None:
    servicer = Waiting()
    server, target = make_server(servicer)
    server.start()
    async with grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(channel).Ask.future(Request())
        await wait_in_thread(servicer.entered)
        stopped = server.stop(PATIENCE)
        assert not stopped.is_set()
        with pytest.raises(grpc.RpcError):
            await stub_of(channel).Collect([])
        servicer.release.set()
        assert (await call).text == "answered"
        assert await stopped.wait(PATIENCE)
        assert not servicer.cancelled


async def test_stop_cancels_after_its_grace() -> None:
    servicer = Waiting()
    server, target = make_server(servicer)
    server.start()
    async with grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(channel).Ask.future(Request())
        await wait_in_thread(servicer.entered)
        await server.stop(0.1)
        assert await call.code() != grpc.StatusCode.OK
        # The server has told the handler, which may not have had its turn.
        await until(lambda: servicer.cancelled)


def test_stop_in_a_thread_is_done_on_return() -> None:
    server, target = make_server(Echo())
    server.start()
    with grpc_bridge.insecure_channel(target) as channel:
        assert stub_of(channel).Ask(Request(text="a")).text == "A"
        assert server.stop(None).is_set()
        assert server.stop(None).wait(1)
        assert server.wait_for_termination(1) is False
        with pytest.raises(grpc.RpcError):
            stub_of(channel).Ask(Request())


def test_stop_with_grace_in_a_thread() -> None:
    servicer = OneBlocks()
    server, target = make_server(servicer)
    server.start()
    with grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(channel).Ask.future(Request(text="late"))
        assert servicer.entered.acquire(timeout=PATIENCE)
        stopped = server.stop(PATIENCE)
        assert not stopped.wait(0.05)
        servicer.release.set()
        assert call.result(PATIENCE).text == "late"
        assert stopped.wait(PATIENCE)


async def test_termination_is_awaited_with_a_timeout() -> None:
    server, _ = make_server(AsyncEcho())
    server.start()
    assert await server.wait_for_termination(timeout=0.01) is True
    await server.stop(None)
    assert await server.wait_for_termination(timeout=PATIENCE) is False


async def test_a_server_never_started_stops() -> None:
    server, _ = make_server(AsyncEcho())
    await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)


async def test_a_server_starts_once() -> None:
    server, _ = make_server(AsyncEcho())
    server.start()
    with pytest.raises(ValueError, match="already-started"):
        server.start()
    await server.stop(None)


async def test_a_port_is_served_again() -> None:
    server, target = make_server(AsyncEcho())
    server.start()
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        for _ in range(5):
            assert (await stub.Ask(Request(text="up"), wait_for_ready=True, timeout=20)).text == "UP"
            await server.stop(None)
            server, _ = make_server(AsyncEcho(), target)
            server.start()
        assert (await stub.Ask(Request(text="up"), wait_for_ready=True, timeout=20)).text == "UP"
    await server.stop(None)


def test_a_port_is_served_again_by_loop_after_loop() -> None:
    async def serve_once() -> None:
        async with serving_here(AsyncEcho()) as target, grpc_bridge.insecure_channel(target) as channel:
            assert (await stub_of(channel).Ask(Request(text="up"))).text == "UP"

    for _ in range(5):
        asyncio.run(serve_once())


# ---- its limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["from sync code", "in a coroutine"])
async def test_maximum_concurrent_rpcs(start: str) -> None:
    servicer = OneBlocks()
    server, target = make_server(servicer, maximum_concurrent_rpcs=2)
    if start == "from sync code":
        in_plain_thread(server.start)
    else:
        server.start()
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        for _ in range(2):
            servicer.release.clear()
            held = [stub.Ask.future(Request(text="held")) for _ in range(2)]
            for _ in range(2):
                assert await asyncio.to_thread(servicer.entered.acquire, timeout=PATIENCE)
            with pytest.raises(grpc.RpcError) as caught:
                await stub.Collect([])
            assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert caught.value.details() == "Concurrent RPC limit exceeded!"
            servicer.release.set()
            assert [(await call).text for call in held] == ["held", "held"]
            await _until_accepted(stub)
    await server.stop(None)


async def _until_accepted(stub: Any) -> None:
    """A client may hear of the end of a call before the server has counted it out."""
    while await stub.Collect.future([]).code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
        pass


class HoldsTheLoop(AsyncEcho):
    """`Ask` is a function; `Collect` blocks the loop of the others."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()

    def Ask(self, request, context):
        return Reply()

    async def Collect(self, request_iterator, context):
        self.entered.set()
        assert self.release.wait(PATIENCE)
        return Reply()


async def test_what_was_cancelled_before_it_began_counts_no_more(bridge_server: Start) -> None:
    """What a coroutine that never runs would have done at its end is done for it."""
    servicer, limit = HoldsTheLoop(), 5

    async def as_many_as_may_be(stub: Any) -> bool:
        talks = [stub.Talk() for _ in range(limit)]
        try:
            for call in talks:
                await call.write(Request())
                await call.read()
        except (grpc.RpcError, asyncio.InvalidStateError):
            return False
        finally:
            for call in talks:
                call.cancel()
        return True

    target = bridge_server(servicer, maximum_concurrent_rpcs=limit)
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        holding = stub.Collect.future([])
        await wait_in_thread(servicer.entered)
        begun = [stub.Watch(Request()) for _ in range(3)]
        # On one connection each comes after those before it: they wait for the loop, and so does their end.
        await stub.Ask(Request())
        for call in begun:
            call.cancel()
        await stub.Ask(Request())
        servicer.release.set()
        await holding
        end = asyncio.get_running_loop().time() + PATIENCE
        while not await as_many_as_may_be(stub):
            assert asyncio.get_running_loop().time() < end, "some are counted still"


async def test_an_unknown_method_is_unimplemented(bridge_server: Start) -> None:
    async with grpc_bridge.insecure_channel(bridge_server()) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            await channel.unary_unary("/no.Such/Method")(b"")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert caught.value.details() == "Method not found!"
