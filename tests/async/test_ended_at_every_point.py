"""Loops closed, channels closed and collected, servers dropped: at every await point of those who wait.

Not a sample: each program runs once for every point that it has, as in `test_cancellation_at_every_await.py`;
and again where what it would have waited for was there already, so that it did not come to its first.
Interpreters end so in `tests/soak.py`.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import LOOPBACK, PATIENCE, Start, stub_of, until
from ..load import status_of
from ..points import MANY_POINTS, Points
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Request
from ..waits import ARITIES, PROGRAMS, Coroutines, Functions, Pointed

MOMENTS = pytest.mark.parametrize("moment", Points.MOMENTS)


async def called_back(stub: Any, points: Points) -> None:
    """Its point is in a callback of the call."""
    call = stub.Ask.future(Request())
    called = asyncio.Event()

    def callback(_: Any) -> None:
        points.come_to()
        called.set()

    call.add_done_callback(callback)
    await call
    await called.wait()


LIVES: dict[str, Callable[[Any, Points], Awaitable[Any]]] = {
    **{
        name: lambda stub, points, program=program: points(program(stub))  # type: ignore[misc]
        for name, program in PROGRAMS.items()
    },
    "called back": called_back,
}


@pytest.fixture(autouse=True)
def _quick_collections() -> Iterator[None]:
    """What is here before the test need not be looked through at every point."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def forget(tasks: set[asyncio.Task[Any]]) -> None:
    """Let tasks of a closed loop be dropped without asyncio's word on it."""
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]


# ---- the client --------------------------------------------------------------------------------------


# What nobody came to wait for says so: calls, and asyncio's own coroutines.
@pytest.mark.filterwarnings("ignore::grpc_bridge.UnawaitedCallWarning")
@pytest.mark.filterwarnings("ignore:coroutine '.*' was never awaited")
@MOMENTS
@pytest.mark.parametrize("life", LIVES)
def test_the_clients_loop_is_closed(grpcio_server: Start, moment: str, life: str) -> None:
    servicer = Functions()
    target = grpcio_server(servicer)

    async def lived(stub: Any, points: Points) -> None:
        await LIVES[life](stub, points)

    def closed_at(at: int, stub: Any) -> bool:
        loop = asyncio.new_event_loop()
        points = Points(at, moment, loop.stop)
        task = loop.create_task(lived(stub, points))
        task.add_done_callback(lambda _: loop.stop())
        loop.run_forever()
        forget(asyncio.all_tasks(loop))
        loop.close()
        if task.done():
            task.result()
        return points.acted

    at = 0
    for _ in range(MANY_POINTS):
        with grpc_bridge.insecure_channel(target) as channel:
            stub = stub_of(channel)
            acted = closed_at(at, stub)
            # Other loops and threads go on.
            assert asyncio.run(next_one(stub)) == stub.Ask(Request(text="next")).text == "next"
        # What the loop has left behind ends with the channel, and is collected in silence.
        asyncio.run(until(lambda: not servicer.open_rpcs()))
        del stub
        gc.collect()
        if acted:
            at += 1
        elif at:
            return
    raise AssertionError("it never ended by itself")


async def next_one(stub: Any) -> str:
    return (await stub.Ask(Request(text="next"))).text  # type: ignore[no-any-return]


@MOMENTS
@pytest.mark.parametrize("how", ["closed", "collected"])
@pytest.mark.parametrize("life", LIVES)
async def test_the_channel_goes(bridge_server: Start, moment: str, how: str, life: str) -> None:
    """Who waits on a closed channel is told; a dropped one serves those who hold a stub of it."""
    servicer = Coroutines()
    target = bridge_server(servicer)
    at = 0
    for _ in range(MANY_POINTS):
        channels = [grpc_bridge.insecure_channel(target)]
        closing: list[Any] = []

        def act(channels: list[Any] = channels, closing: list[Any] = closing) -> None:
            if how == "closed":
                closed = channels.pop().close()
                if closed is not None:  # in a callback it is closed on return
                    closing.append(closed)
            else:
                channels.clear()
                gc.collect()

        points = Points(at, moment, act)
        outcome = asyncio.ensure_future(LIVES[life](stub_of(channels[0]), points))
        await asyncio.wait([outcome], timeout=PATIENCE)
        assert outcome.done(), f"{how} at point {at}, it goes on waiting"
        error = None if outcome.cancelled() else outcome.exception()
        if how == "collected" or not points.acted:
            assert error is None
            assert not outcome.cancelled()
        elif error is not None:
            assert isinstance(error, grpc.RpcError | ValueError | asyncio.InvalidStateError), repr(error)
        for closed in closing:
            await asyncio.wait_for(closed, PATIENCE)
        while channels:
            await channels.pop().close()
        del outcome, error
        await until(lambda: not servicer.open_rpcs())
        if points.acted:
            at += 1
        elif at:
            return
    raise AssertionError("it never ended by itself")


# ---- the server --------------------------------------------------------------------------------------


class OnItsLoop:
    """A server on a loop of its own, in a thread that closes the loop when it has been stopped."""

    def __init__(self, servicer: Pointed) -> None:
        self.loop = asyncio.new_event_loop()
        self.servers = [grpc_bridge.server()]
        exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, self.servers[0])
        self.target = f"127.0.0.1:{self.servers[0].add_insecure_port(LOOPBACK)}"
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(PATIENCE)

    def _run(self) -> None:
        self.loop.call_soon(self._start)
        self.loop.run_forever()
        forget(asyncio.all_tasks(self.loop))
        self.loop.close()

    def _start(self) -> None:
        self.servers[0].start()
        self._started.set()

    def end(self) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        while self.servers:
            assert self.servers.pop().stop(None).wait(PATIENCE)


OVER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


@MOMENTS
@pytest.mark.parametrize("what", ["its loop is closed", "it is dropped"])
@pytest.mark.parametrize("arity", ARITIES)
async def test_the_server_goes(arity: str, what: str, moment: str) -> None:
    """Clients of a server whose loop is closed are told, before it is stopped; a dropped one answers them."""
    at = 0
    for _ in range(MANY_POINTS):
        servicer = Pointed()
        serving = OnItsLoop(servicer)

        def act(serving: OnItsLoop = serving) -> None:
            if what == "its loop is closed":
                serving.loop.stop()
            else:
                serving.servers.clear()
                gc.collect()

        servicer.points = Points(at, moment, act)
        async with (
            grpc_bridge.insecure_channel(serving.target) as channel,
            grpc_bridge.insecure_channel(serving.target) as leaves,
        ):
            servicer.stub = stub_of(leaves)
            ended = asyncio.create_task(status_of(ARITIES[arity](stub_of(channel))))
            code = await asyncio.wait_for(ended, PATIENCE)
            if servicer.points.acted and what == "its loop is closed":
                assert code in (grpc.StatusCode.OK, *OVER)
                # (A response need not wait, so a stream may come to its end in the loop's last turn.)
                assert code in OVER or moment != "before" or arity == "Watch"
            elif not servicer.points.acted:
                assert code is grpc.StatusCode.OK
            await asyncio.to_thread(serving.end)
        acted = servicer.points.acted
        del serving, servicer
        gc.collect()
        if acted:
            at += 1
        elif at > 1:
            return
    raise AssertionError("it never ended by itself")
