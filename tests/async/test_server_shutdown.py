"""How servers end, and are misused: from threads, coroutines, handlers and callbacks; or not at all."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from concurrent import futures
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
    LoopInThread,
    Servicer,
    in_plain_thread,
    serving_here,
    stub_of,
    until,
    until_refused,
    wait_in_thread,
)
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request

OVER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


def make_server(servicer: Servicer, address: str = LOOPBACK, **options: Any) -> tuple[Any, str]:
    server = grpc_bridge.server(**options)
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    return server, f"127.0.0.1:{server.add_insecure_port(address)}"


class Held(AsyncEcho):
    """`Ask` in a thread and `Collect` on the loop stay until they are let go or cancelled."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.release = threading.Event()
        self.cancelled = threading.Event()

    def Ask(self, request, context):
        self.entered.release()
        while context.is_active() and not self.release.wait(0.005):
            pass
        return Reply(text="answered")

    async def Collect(self, request_iterator, context):
        self.entered.release()
        try:
            while not self.release.is_set():  # noqa: ASYNC110 - it is set in another thread
                await asyncio.sleep(0.005)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return Reply(text="answered")


async def both_in_flight(stub: Any, servicer: Held) -> list[Any]:
    calls = [stub.Ask.future(Request()), stub.Collect.future([])]
    for _ in calls:
        assert await asyncio.to_thread(servicer.entered.acquire, timeout=PATIENCE)
    return calls


# ---- started here, stopped there ---------------------------------------------------------------------


def stop_from_thread(server: Any, grace: float | None) -> None:
    assert server.stop(grace).wait(PATIENCE)


async def stop_in_coroutine(server: Any, grace: float | None) -> None:
    await asyncio.wait_for(server.stop(grace), PATIENCE)


@pytest.mark.parametrize("started", ["thread", "this loop", "another loop"])
@pytest.mark.parametrize("stopped", ["thread", "this loop", "another loop"])
@pytest.mark.parametrize("grace", [None, 0, 0.05])
async def test_started_anywhere_it_is_stopped_anywhere(
    started: str, stopped: str, grace: float | None, loop_in_thread: Callable[..., LoopInThread]
) -> None:
    servicer = Held()
    server, target = make_server(servicer)
    another = loop_in_thread()

    async def start() -> None:
        await server.start()

    if started == "thread":
        await asyncio.to_thread(server.start)
    elif started == "this loop":
        await start()
    else:
        await asyncio.to_thread(another.run, start())
    async with grpc_bridge.insecure_channel(target) as channel:
        calls = await both_in_flight(stub_of(channel), servicer)
        if stopped == "thread":
            await asyncio.to_thread(stop_from_thread, server, grace)
        elif stopped == "this loop":
            await stop_in_coroutine(server, grace)
        else:
            await asyncio.to_thread(another.run, stop_in_coroutine(server, grace))
        for call in calls:
            assert await call.code() in OVER
        await wait_in_thread(servicer.cancelled)
        assert await server.wait_for_termination(PATIENCE) is False
        assert await asyncio.to_thread(server.wait_for_termination, PATIENCE) is False


@pytest.mark.parametrize("graces", [(PATIENCE, None), (PATIENCE, 0), (PATIENCE, PATIENCE, None)])
async def test_a_later_stop_with_less_grace_wins(graces: tuple[float | None, ...]) -> None:
    servicer = Held()
    server, target = make_server(servicer)
    server.start()
    async with grpc_bridge.insecure_channel(target) as channel:
        calls = await both_in_flight(stub_of(channel), servicer)
        stops = [server.stop(grace) for grace in graces]
        for stopped in stops:
            await asyncio.wait_for(stopped, PATIENCE)
        for call in calls:
            assert await call.code() in OVER


def test_stop_from_many_threads_at_once() -> None:
    server, _ = make_server(AsyncEcho())
    server.start()
    with futures.ThreadPoolExecutor(8) as pool:
        for stopped in [pool.submit(server.stop, grace) for grace in (None, 0, 1, None, 0, 1, None, 0)]:
            assert stopped.result(PATIENCE).wait(PATIENCE)
    assert server.stop(None).is_set()


def test_stop_while_starting() -> None:
    for _ in range(20):
        server, _ = make_server(AsyncEcho())
        meeting = threading.Barrier(2, timeout=PATIENCE)

        def start(server: Any = server, meeting: Any = meeting) -> None:
            meeting.wait()
            server.start()

        def stop(server: Any = server, meeting: Any = meeting) -> None:
            meeting.wait()
            assert server.stop(None).wait(PATIENCE)

        with futures.ThreadPoolExecutor(2) as pool:
            for running in [pool.submit(start), pool.submit(stop)]:
                running.result(PATIENCE)
        assert server.stop(None).wait(PATIENCE)


async def test_stop_before_start_does_nothing() -> None:
    server, target = make_server(AsyncEcho())
    stopped = server.stop(None)
    assert stopped.is_set()
    await stopped
    server.start()
    async with grpc_bridge.insecure_channel(target) as channel:
        assert (await stub_of(channel).Ask(Request(text="a"))).text == "A"
    await server.stop(None)
    with pytest.raises(ValueError, match="already-started"):
        server.start()
    with pytest.raises(ValueError, match="stopped"):
        server.add_insecure_port(LOOPBACK)


# ---- stopped from inside -----------------------------------------------------------------------------


class StopsItself(Servicer):
    def __init__(self) -> None:
        self.server: Any = None
        self.outcome: futures.Future[Any] = futures.Future()

    def Ask(self, request, context):
        if request.text == "in a callback":
            context.add_callback(self._stop)
        else:
            self._stop()
        return Reply()

    def _stop(self) -> None:
        try:
            self.outcome.set_result(self.server.stop(None))
        except BaseException as error:
            self.outcome.set_exception(error)

    async def Collect(self, request_iterator, context):
        self._stop()
        await self.outcome.result()
        return Reply()

    async def Talk(self, request_iterator, context):
        context.add_done_callback(lambda _: self._stop())
        yield Reply()


@pytest.mark.parametrize("started", ["from sync code", "in a coroutine"])
@pytest.mark.parametrize("where", ["a function", "a coroutine", "a function's callback", "a coroutine's"])
async def test_a_handler_stops_its_server(started: str, where: str) -> None:
    servicer = StopsItself()
    servicer.server, target = make_server(servicer)
    if started == "in a coroutine":
        servicer.server.start()
    else:
        in_plain_thread(servicer.server.start)
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        if where == "a function":
            call = stub.Ask.future(Request())
        elif where == "a coroutine":
            call = stub.Collect.future([])
        elif where == "a function's callback":
            call = stub.Ask.future(Request(text="in a callback"))
        else:
            call = stub.Talk([])
        await call.code()
        await until(servicer.outcome.done)
        await asyncio.wait_for(servicer.outcome.result(), PATIENCE)
        assert await servicer.server.wait_for_termination(PATIENCE) is False


# ---- dropped -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("started", ["from sync code", "in a coroutine"])
async def test_a_server_that_is_dropped_stops_and_answers_what_is_in_flight(started: str) -> None:
    servicer = Held()
    server, target = make_server(servicer)
    gone = weakref.ref(server)
    if started == "in a coroutine":
        server.start()
    else:
        in_plain_thread(server.start)
    async with grpc_bridge.insecure_channel(target) as channel:
        calls = await both_in_flight(stub_of(channel), servicer)
        del server
        await until(lambda: gc.collect() is not None and gone() is None)
        await asyncio.to_thread(until_refused, target)
        servicer.release.set()
        assert [(await call).text for call in calls] == ["answered"] * 2


async def test_whoever_waits_for_its_end_holds_a_server() -> None:
    server, target = make_server(AsyncEcho())
    server.start()
    gone = weakref.ref(server)
    waiting = asyncio.ensure_future(server.wait_for_termination())
    del server
    gc.collect()
    async with grpc_bridge.insecure_channel(target) as channel:
        assert (await stub_of(channel).Ask(Request(text="a"))).text == "A"
    held = gone()
    assert held is not None
    await held.stop(None)
    assert await waiting is False


async def test_a_server_that_was_stopped_is_collected() -> None:
    servicer = AsyncEcho()
    server, target = make_server(servicer)
    server.start()
    async with grpc_bridge.insecure_channel(target) as channel:
        await stub_of(channel).Ask(Request())
    await server.stop(None)
    gone = [weakref.ref(server), weakref.ref(server._serving), weakref.ref(servicer)]
    del server, servicer
    await until(lambda: gc.collect() is not None and [each() for each in gone] == [None] * 3)


# ---- waiting for the end -----------------------------------------------------------------------------


async def test_many_wait_for_the_end_in_both_colours(loop_in_thread: Callable[..., LoopInThread]) -> None:
    server, _ = make_server(AsyncEcho())
    server.start()
    another = loop_in_thread()

    async def wait() -> bool:
        return await server.wait_for_termination()

    waiting = [asyncio.ensure_future(wait()) for _ in range(3)]
    waiting += [asyncio.ensure_future(asyncio.to_thread(server.wait_for_termination)) for _ in range(3)]
    waiting += [asyncio.wrap_future(another.submit(wait()))]
    assert await server.wait_for_termination(0.01) is True
    assert await asyncio.to_thread(server.wait_for_termination, 0.01) is True
    await server.stop(None)
    assert await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE) == [False] * 7


async def test_a_waiter_that_gives_up_harms_no_other() -> None:
    server, _ = make_server(AsyncEcho())
    server.start()
    patient = asyncio.ensure_future(server.wait_for_termination())
    hasty = asyncio.ensure_future(server.wait_for_termination())
    await asyncio.sleep(0)
    hasty.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hasty
    await server.stop(None)
    assert await patient is False


# ---- what is added late, or wrong --------------------------------------------------------------------


async def test_generic_handlers_are_added_while_it_runs() -> None:
    server = grpc_bridge.server()
    port = server.add_insecure_port(LOOPBACK)
    server.start()
    handler = grpc.unary_unary_rpc_method_handler(lambda request, _: request * 2)
    late = grpc.method_handlers_generic_handler("late.Service", {"Twice": handler})
    async with grpc_bridge.insecure_channel(f"127.0.0.1:{port}") as channel:
        twice = channel.unary_unary("/late.Service/Twice")
        assert await twice(b"ab").code() == grpc.StatusCode.UNIMPLEMENTED
        server.add_generic_rpc_handlers((late,))
        assert await twice(b"ab") == b"abab"
    await server.stop(None)


def test_methods_registered_while_it_runs_are_refused_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = grpc_bridge.server()
    server.add_insecure_port(LOOPBACK)
    server.start()
    server.add_registered_method_handlers("a.B", {"C": grpc.unary_unary_rpc_method_handler(lambda r, _: r)})
    assert "Cannot register method handlers once server has started" in caplog.text
    server.stop(None)


def test_a_port_in_use_is_an_error_of_grpcio_s_kind() -> None:
    alone = (("grpc.so_reuseport", 0),)
    server, target = make_server(Echo(), options=alone)
    for module in (grpc, grpc_bridge):
        other = module.server(futures.ThreadPoolExecutor(1), options=alone)
        with pytest.raises(RuntimeError, match="Failed to bind to address"):
            other.add_insecure_port(target)
    server.stop(None)


WRONG: dict[str, tuple[type[Exception], Callable[[], object]]] = {
    "pool": (TypeError, lambda: grpc_bridge.server(4)),
    "pool of processes": (TypeError, lambda: grpc_bridge.server(futures.ProcessPoolExecutor(1))),
    "handlers": (TypeError, lambda: grpc_bridge.server(handlers=5)),
    "a handler": (AttributeError, lambda: grpc_bridge.server(handlers=[5])),
    "interceptors": (TypeError, lambda: grpc_bridge.server(interceptors=5)),
    "an interceptor": (TypeError, lambda: grpc_bridge.server(interceptors=[5])),
    "options": (TypeError, lambda: grpc_bridge.server(options=5)),
    "an option": (TypeError, lambda: grpc_bridge.server(options=[("a", object())])),
    "limit": (TypeError, lambda: grpc_bridge.server(maximum_concurrent_rpcs="x")),
    "compression": (ValueError, lambda: grpc_bridge.server(compression="gzip")),
    "address": (AttributeError, lambda: grpc_bridge.server().add_insecure_port(5)),
    "no such address": (RuntimeError, lambda: grpc_bridge.server().add_insecure_port("nowhere:port")),
    "credentials": (AttributeError, lambda: grpc_bridge.server().add_secure_port(LOOPBACK, None)),
    "methods": (AttributeError, lambda: grpc_bridge.server().add_registered_method_handlers("a", 5)),
    "a method": (TypeError, lambda: grpc_bridge.server().add_registered_method_handlers("a", {"b": 5})),
    "generic handlers": (TypeError, lambda: grpc_bridge.server().add_generic_rpc_handlers(5)),
    "grace": (TypeError, lambda: grpc_bridge.server().stop("soon")),
    "timeout": (TypeError, lambda: grpc_bridge.server().wait_for_termination("long")),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_argument_is_an_error_at_the_call(what: str) -> None:
    expected, call = WRONG[what]
    with pytest.raises(expected):
        call()


async def test_two_servers_in_one_loop_serve_apart() -> None:
    async with serving_here(AsyncEcho()) as first:
        async with serving_here(Echo()) as second, grpc_bridge.insecure_channel(second) as channel:
            assert (await stub_of(channel).Ask(Request(text="a"))).text == "A"
        async with grpc_bridge.insecure_channel(first) as channel:
            assert (await stub_of(channel).Ask(Request(text="b"))).text == "B"
