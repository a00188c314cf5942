"""Cancelled at every await point: whoever waits, for whatever, at whichever of three moments.

Not a sample: each program runs once for every point that it has. Afterwards no RPC is open, no task is
left, and the channel and the server go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import PATIENCE, Start, serving_here, stub_of
from ..load import status_of
from ..points import MANY_POINTS, Points
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Request
from ..waits import ARITIES, PROGRAMS, Coroutines, Counted, Functions, Pointed

MOMENTS = pytest.mark.parametrize("moment", Points.MOMENTS)


async def everything_ended(open_rpcs: Callable[[], int]) -> None:
    """Nothing is left of the RPCs on the server, nor of tasks but the test's own."""
    me = asyncio.current_task()
    ending = asyncio.get_running_loop().time() + PATIENCE
    while open_rpcs() or asyncio.all_tasks() != {me}:
        assert asyncio.get_running_loop().time() < ending, f"{open_rpcs()} RPCs open; {asyncio.all_tasks()}"
        await asyncio.sleep(0.001)


# ---- the client --------------------------------------------------------------------------------------


class Waits(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Written for grpcio; it waits for what it has started."""

    def intercept_unary_unary(self, continuation, client_call_details, request):
        call = continuation(client_call_details, request)
        call.code()
        return call

    def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        return continuation(client_call_details, request_iterator)


class Awaits(
    grpc.aio.UnaryUnaryClientInterceptor,
    grpc.aio.UnaryStreamClientInterceptor,
    grpc.aio.StreamUnaryClientInterceptor,
):
    """Written for grpc.aio."""

    async def intercept_unary_unary(self, continuation, client_call_details, request):
        await asyncio.sleep(0)
        call = await continuation(client_call_details, request)
        await call.code()
        return call

    async def intercept_unary_stream(self, continuation, client_call_details, request):
        await asyncio.sleep(0)
        return await continuation(client_call_details, request)

    async def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
        await asyncio.sleep(0)
        return await continuation(client_call_details, request_iterator)


async def cancelled_at_every_point(
    program: Callable[[], Awaitable[Any]], moment: str, after: Callable[[], Awaitable[None]]
) -> int:
    """Run the program, cancelled at its first point, then at its second, ...; how many points it has."""
    tasks: list[asyncio.Task[None]] = []
    at = 0
    for _ in range(MANY_POINTS):
        points = Points(at, moment, lambda: tasks[-1].cancel())

        async def run(points: Points = points) -> None:
            await points(program())

        tasks.append(asyncio.create_task(run()))
        await asyncio.wait(tasks, timeout=PATIENCE)
        assert tasks[-1].done(), f"cancelled at point {at}, it goes on"
        if not points.acted:
            tasks.pop().result()
            if at:
                return at
            continue  # what it would have waited for was there already
        # At the end of its last wait it may have had what it came for.
        if not tasks[-1].cancelled():
            assert moment != "before", f"point {at}: the cancellation was lost"
            tasks[-1].result()
        tasks.clear()  # a traceback holds the program's calls
        await after()
        at += 1
    raise AssertionError("it never ended by itself")


@pytest.fixture(params=["grpc.server", "ours, functions", "ours, coroutines", "on this loop"])
async def peer(
    request: pytest.FixtureRequest, grpcio_server: Start, bridge_server: Start
) -> AsyncIterator[tuple[Counted, str]]:
    servicer = Functions() if request.param in ("grpc.server", "ours, functions") else Coroutines()
    if request.param == "on this loop":
        async with serving_here(servicer) as target:
            yield servicer, target
    else:
        start = grpcio_server if request.param == "grpc.server" else bridge_server
        yield servicer, start(servicer)


@MOMENTS
@pytest.mark.parametrize("kind", ["plain", "intercepted"])
async def test_a_client(peer: tuple[Counted, str], moment: str, kind: str) -> None:
    servicer, target = peer
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(
            grpc_bridge.intercept_channel(channel, Waits(), Awaits()) if kind == "intercepted" else channel
        )

        async def after() -> None:
            await everything_ended(servicer.open_rpcs)
            assert (await stub.Ask(Request(text="next"))).text == "next"

        for name, program in PROGRAMS.items():
            count = await cancelled_at_every_point(lambda program=program: program(stub), moment, after)
            assert count > 0, name


@MOMENTS
async def test_a_channel_that_is_opened_and_closed(peer: tuple[Counted, str], moment: str) -> None:
    servicer, target = peer
    channels: list[Any] = []

    async def program() -> None:
        async with grpc_bridge.insecure_channel(target) as channel:
            channels.append(channel)
            await channel.channel_ready()
            assert (await stub_of(channel).Ask(Request(text="a"))).text == "a"
            state = channel.get_state()
            waiting = asyncio.create_task(channel.wait_for_state_change(state))
            try:
                await asyncio.wait([waiting], timeout=0.001)
            finally:
                waiting.cancel()

    async def after() -> None:
        await channels.pop().close()
        await everything_ended(servicer.open_rpcs)

    assert await cancelled_at_every_point(program, moment, after) > 2


# ---- the server --------------------------------------------------------------------------------------


@MOMENTS
@pytest.mark.parametrize("arity", ARITIES)
@pytest.mark.parametrize("who", ["the client", "the handler's task", "the server's stop"])
async def test_a_handler(arity: str, moment: str, who: str) -> None:
    servicer, call, stopped = Pointed(), None, None

    async def run(at: int, target: str, server: Any) -> bool:
        nonlocal call, stopped

        def act() -> None:
            nonlocal stopped
            if who == "the client":
                assert call is not None
                call.cancel()
            elif who == "the handler's task":
                assert servicer.task is not None
                servicer.task.cancel()
            else:
                stopped = server.stop(None)

        async with grpc_bridge.insecure_channel(target) as channel:
            stub = servicer.stub = stub_of(channel)
            servicer.points = Points(at, moment, act)
            call = ARITIES[arity](stub)
            code = await asyncio.wait_for(status_of(call), PATIENCE)
            await everything_ended(lambda: servicer.open_rpcs() + servicer.left)
            if not servicer.points.acted:
                assert code == grpc.StatusCode.OK
                return False
            if moment == "before" and (who, arity) != ("the handler's task", "Watch"):
                # (A cancelled task ends well if it does not wait once more, and a response need not wait.)
                assert code != grpc.StatusCode.OK
            if stopped is None:
                servicer.points = Points(-1, moment, act)
                assert await asyncio.wait_for(status_of(ARITIES[arity](stub)), PATIENCE) == grpc.StatusCode.OK
            else:
                await asyncio.wait_for(stopped, PATIENCE)
            return True

    at = 0
    for _ in range(MANY_POINTS):
        stopped = None
        server = grpc_bridge.server()
        exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
        target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        try:
            if await run(at, target, server):
                at += 1
            elif at > 1:
                return
        finally:
            await asyncio.wait_for(server.stop(None), PATIENCE)
    raise AssertionError("it never ended by itself")
