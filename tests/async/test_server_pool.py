"""The pool that runs sync handlers: any executor, shared fairly, freed when an RPC ends; or failing."""

from __future__ import annotations

import asyncio
import gc
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, Servicer, Start, serving_here, stub_of, until
from ..protos.exchange_pb2 import Reply, Request

pytestmark = pytest.mark.usefixtures("quiet_loops")


class OwnExecutor(futures.Executor):
    """Someone's own: one thread, a queue, no more than the base class asks for."""

    def __init__(self) -> None:
        self._work: queue.Queue[Any] = queue.Queue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return 0  # and so false

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        future: futures.Future[Any] = futures.Future()
        self._work.put((future, fn, args, kwargs))
        return future

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            future, fn, args, kwargs = work
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._work.put(None)
        if wait:
            self._thread.join(PATIENCE)


class ThreadForEach:
    """No executor at all, but it submits; and returns nothing."""

    def submit(self, fn: Callable[..., Any], *args: Any) -> None:
        threading.Thread(target=fn, args=args, daemon=True).start()


@pytest.mark.parametrize("make_pool", [OwnExecutor, ThreadForEach, lambda: futures.ThreadPoolExecutor(1)])
async def test_any_executor_runs_handlers(make_pool: Any) -> None:
    pool = make_pool()
    async with (
        serving_here(Echo(), thread_pool=pool) as target,
        grpc_bridge.insecure_channel(target) as channel,
    ):
        stub = stub_of(channel)
        assert (await stub.Ask(Request(text="a"))).text == "A"
        assert [reply.number async for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
        assert (await stub.Collect([Request(number=3)] * 2)).number == 6
        assert [reply.number async for reply in stub.Talk([Request(number=3)] * 2)] == [6, 6]
    if isinstance(pool, futures.Executor):
        pool.shutdown()


# ---- a pool that takes no work, or loses it ----------------------------------------------------------

TURNED_AWAY = (grpc.StatusCode.UNAVAILABLE, "the server's thread pool takes no more work")


async def outcome(call: Any) -> tuple[Any, str]:
    return await call.code(), await call.details()


class Blocks(AsyncEcho):
    """`Ask` keeps its thread until it is let go."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Semaphore(0), threading.Event()
        self.ran: list[str] = []

    def Ask(self, request, context):
        self.ran.append(request.text)
        self.entered.release()
        self.release.wait(PATIENCE)
        return Reply(text=request.text)


async def test_a_pool_that_was_shut_down(caplog: pytest.LogCaptureFixture) -> None:
    pool = futures.ThreadPoolExecutor(1)
    pool.shutdown()
    async with (
        serving_here(Blocks(), thread_pool=pool) as target,
        grpc_bridge.insecure_channel(target) as channel,
    ):
        for _ in range(3):
            assert await outcome(stub_of(channel).Ask.future(Request(), timeout=PATIENCE)) == TURNED_AWAY
        # Coroutines do not need it.
        assert (await stub_of(channel).Collect([Request(number=2)])).number == 2
    assert "cannot schedule new futures after shutdown" in caplog.text


async def test_a_pool_that_drops_what_waits_in_it() -> None:
    servicer = Blocks()
    pool = futures.ThreadPoolExecutor(1)
    async with (
        serving_here(servicer, thread_pool=pool, maximum_concurrent_rpcs=5) as target,
        grpc_bridge.insecure_channel(target) as channel,
    ):
        stub = stub_of(channel)
        running = stub.Ask.future(Request(text="runs"))
        assert await asyncio.to_thread(servicer.entered.acquire, timeout=PATIENCE)
        waiting = [stub.Ask.future(Request(text="waits"), timeout=PATIENCE) for _ in range(4)]
        await until(lambda: pool._work_queue.qsize() == 4)
        pool.shutdown(wait=False, cancel_futures=True)
        for call in waiting:
            assert await outcome(call) == TURNED_AWAY
        # They are not counted any more.
        assert (await stub.Collect([Request(number=2)])).number == 2
        servicer.release.set()
        assert (await running).text == "runs"
    assert servicer.ran == ["runs"]


async def test_a_pool_whose_threads_cannot_begin() -> None:
    def fails() -> None:
        raise ValueError("no database")

    with futures.ThreadPoolExecutor(1, initializer=fails) as pool:
        async with (
            serving_here(Echo(), thread_pool=pool) as target,
            grpc_bridge.insecure_channel(target) as channel,
        ):
            for _ in range(3):
                call = stub_of(channel).Ask.future(Request(), timeout=PATIENCE)
                assert await outcome(call) == TURNED_AWAY


# ---- fairness, and what was cancelled while it waited ------------------------------------------------


@pytest.mark.parametrize("start", ["from sync code", "in a coroutine"])
async def test_rpcs_wait_for_a_thread_in_the_order_of_their_coming(start: str, bridge_server: Start) -> None:
    servicer = Blocks()

    async def check(target: str, pool: Any) -> None:
        async with grpc_bridge.insecure_channel(target) as channel:
            stub = stub_of(channel)
            calls = []
            for number in range(20):
                calls.append(stub.Ask.future(Request(text=str(number))))
                await until(lambda number=number: len(servicer.ran) + pool._work_queue.qsize() == number + 1)
            servicer.release.set()
            assert [(await call).text for call in calls] == [str(number) for number in range(20)]
            assert servicer.ran == [str(number) for number in range(20)]

    with futures.ThreadPoolExecutor(1) as pool:
        if start == "from sync code":
            await check(bridge_server(servicer, thread_pool=pool), pool)
        else:
            async with serving_here(servicer, thread_pool=pool) as target:
                await check(target, pool)


class Marks(Blocks):
    """Marks each method that runs."""

    def Watch(self, request, context):
        self.ran.append("Watch")
        yield Reply()

    def Collect(self, request_iterator, context):
        self.ran.append("Collect")
        return Reply()

    def Talk(self, request_iterator, context):
        self.ran.append("Talk")
        yield Reply()


async def test_what_was_cancelled_while_it_waited_never_runs() -> None:
    servicer = Marks()
    with futures.ThreadPoolExecutor(1) as pool:
        async with (
            serving_here(servicer, thread_pool=pool, maximum_concurrent_rpcs=5) as target,
            grpc_bridge.insecure_channel(target) as channel,
        ):
            stub = stub_of(channel)
            running = stub.Ask.future(Request(text="runs"))
            assert await asyncio.to_thread(servicer.entered.acquire, timeout=PATIENCE)
            waiting = [
                stub.Ask.future(Request(text="Ask")),
                stub.Watch(Request()),
                stub.Collect.future([Request()]),
                stub.Talk([Request()]),
            ]
            await until(lambda: pool._work_queue.qsize() == 4)
            for call in waiting:
                call.cancel()
                assert await call.code() == grpc.StatusCode.CANCELLED
            # The server has heard of it, too, when it answers what was sent after it.
            assert await channel.unary_unary("/no.Such/Method")(b"").code() == grpc.StatusCode.UNIMPLEMENTED
            servicer.release.set()
            assert (await running).text == "runs"
            # When the thread has come to them they are counted out, and as many as may be are taken again.
            await asyncio.wrap_future(pool.submit(int))
            again = await asyncio.gather(*(stub.Ask(Request(text="again")) for _ in range(3)))
            assert len(again) == 3
    assert servicer.ran == ["runs", *["again"] * 3]


# ---- what an RPC leaves behind -----------------------------------------------------------------------


class Keeps(Servicer):
    """Keeps weak references of what each RPC is made of."""

    def __init__(self) -> None:
        self.alive: list[weakref.ref[Any]] = []
        self.entered = threading.Semaphore(0)
        self.closed = threading.Semaphore(0)

    def _keep(self, *things: Any) -> None:
        self.alive.extend(weakref.ref(thing) for thing in things)

    def Ask(self, request, context):
        self._keep(context)
        return Reply()

    async def Collect(self, request_iterator, context):
        self._keep(context)
        if context.invocation_metadata().get("wait"):
            self.entered.release()
            try:
                await asyncio.Event().wait()
            finally:
                self._keep(asyncio.current_task())
                self.closed.release()
        return Reply()

    def Watch(self, request, context):
        self._keep(context)
        try:
            while True:
                yield Reply()
                if not context.invocation_metadata().get("wait"):
                    return
        finally:
            self.closed.release()

    async def Talk(self, request_iterator, context):
        self._keep(context)
        try:
            while True:
                yield Reply()
                if not context.invocation_metadata().get("wait"):
                    return
        finally:
            self.closed.release()


@pytest.mark.parametrize("ending", ["ended", "cancelled", "dropped"])
async def test_rpcs_leave_nothing_behind(ending: str) -> None:
    servicer = Keeps()
    wait = None if ending == "ended" else (("wait", "yes"),)
    with futures.ThreadPoolExecutor(4) as pool:
        async with (
            serving_here(servicer, thread_pool=pool) as target,
            grpc_bridge.insecure_channel(target) as channel,
        ):
            stub = stub_of(channel)
            for _ in range(5):
                await stub.Ask(Request())
                call = stub.Collect.future([], metadata=wait)
                if wait is None:
                    await call
                else:
                    assert await asyncio.to_thread(servicer.entered.acquire, timeout=PATIENCE)
                    call.cancel()
                for call in (stub.Watch(Request(), metadata=wait), stub.Talk([], metadata=wait)):
                    await call.read()
                    if ending == "cancelled":
                        call.cancel()
                    elif ending == "ended":
                        assert await call.code() == grpc.StatusCode.OK
                del call
            for _ in range(10 if wait is None else 15):
                assert await asyncio.to_thread(servicer.closed.acquire, timeout=PATIENCE)
            assert len(servicer.alive) >= 20
            await until(lambda: gc.collect() is not None and {ref() for ref in servicer.alive} == {None})
