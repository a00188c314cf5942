"""The loop of a server's handlers is closed: who waits for them is told, and what runs in threads goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import LOOPBACK, PATIENCE, AsyncEcho, Servicer, stub_of, until
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request

OVER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
LOST = (grpc.StatusCode.UNAVAILABLE, "the server's event loop has been closed")


def make_server(servicer: Servicer, **options: Any) -> tuple[Any, str]:
    server = grpc_bridge.server(**options)
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    return server, f"127.0.0.1:{server.add_insecure_port(LOOPBACK)}"


@contextmanager
def on_a_loop(servicer: Servicer, **options: Any) -> Iterator[tuple[asyncio.AbstractEventLoop, str]]:
    """A server on a loop that runs when it is told to; stopped at the end in any case."""
    server, target = make_server(servicer, **options)
    loop = asyncio.new_event_loop()

    async def start() -> None:
        server.start()

    loop.run_until_complete(start())
    yield loop, target
    assert server.stop(None).wait(PATIENCE)


def close(loop: asyncio.AbstractEventLoop) -> None:
    """With all its tasks still waiting, which asyncio is not to speak of."""
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()


def run_until(loop: asyncio.AbstractEventLoop, condition: Callable[[], object]) -> None:
    loop.run_until_complete(asyncio.wait_for(until(condition), PATIENCE))


# ---- handlers that wait for something of their own ---------------------------------------------------


class Waiting(Servicer):
    """Coroutines that wait on their loop for what never comes; `Ask` does so in a thread."""

    def __init__(self) -> None:
        self.entered: list[str] = []
        self.called_back: list[str] = []
        self.release = threading.Event()

    def _enter(self, name: str, context: Any) -> None:
        assert context.add_callback(lambda: self.called_back.append(name))
        self.entered.append(name)

    async def _wait(self, name: str, context: Any) -> Any:
        self._enter(name, context)
        await asyncio.get_running_loop().create_future()

    def Ask(self, request, context):
        if request.text == "on the loop":
            return self._wait("Ask", context)
        self._enter("Ask", context)
        assert self.release.wait(PATIENCE)
        return Reply(text="answered")

    async def Watch(self, request, context):
        yield Reply()
        await self._wait("Watch", context)

    async def Collect(self, request_iterator, context):
        await self._wait("Collect", context)

    async def Talk(self, request_iterator, context):
        async for _ in request_iterator:
            yield Reply()
            await self._wait("Talk", context)


def outcome_of(call: Any) -> tuple[Any, Any]:
    return call.code(), call.details()


def end_of(stream: Any) -> tuple[Any, Any]:
    """Its outcome, which comes after the responses before it to who reads them, and to nobody else."""
    with suppress(grpc.RpcError):
        for _ in stream:
            pass
    return outcome_of(stream)


def test_who_waits_for_a_handler_is_told() -> None:
    """Soon, not at the server's stop; what runs in a thread is not touched."""
    servicer = Waiting()
    with on_a_loop(servicer) as (loop, target), grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        calls = [stub.Ask.future(Request(text="on the loop")), stub.Collect.future(iter(()))]
        streams = [stub.Watch(Request()), stub.Talk(iter([Request()]))]
        in_thread = stub.Ask.future(Request())
        run_until(loop, lambda: len(servicer.entered) == 5)
        close(loop)
        assert [*map(outcome_of, calls), *map(end_of, streams)] == [LOST] * 4
        servicer.release.set()
        assert in_thread.result(PATIENCE).text == "answered"
        asyncio.run(asyncio.wait_for(until(lambda: len(servicer.called_back) == 5), PATIENCE))
        assert sorted(servicer.called_back) == ["Ask", "Ask", "Collect", "Talk", "Watch"]


class WaitingInterceptor(grpc.aio.ServerInterceptor):
    """Finds a handler for nobody."""

    def __init__(self) -> None:
        self.entered = 0

    async def intercept_service(self, continuation, handler_call_details):
        self.entered += 1
        await asyncio.get_running_loop().create_future()


def test_who_waits_for_an_interceptor_is_told() -> None:
    interceptor = WaitingInterceptor()
    with (
        on_a_loop(AsyncEcho(), interceptors=[interceptor]) as (loop, target),
        grpc_bridge.insecure_channel(target) as channel,
    ):
        stub = stub_of(channel)
        call, stream = stub.Ask.future(Request()), stub.Watch(Request())
        run_until(loop, lambda: interceptor.entered == 2)
        close(loop)
        assert [outcome_of(call), end_of(stream)] == [LOST] * 2


class InThread(AsyncEcho):
    """A coroutine whose thread reads the requests, and one whose thread writes the responses."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.left = threading.Event()

    async def Collect(self, request_iterator, context):
        def read() -> None:
            try:
                for _ in request_iterator:
                    self.entered.set()
            finally:
                self.left.set()

        await asyncio.to_thread(read)

    async def Talk(self, request_iterator, context):
        def write() -> Iterator[Reply]:
            try:
                for _ in request_iterator:
                    self.entered.set()
                    yield Reply()
            finally:
                self.left.set()

        return write()


@pytest.mark.parametrize("method", ["Collect", "Talk"])
def test_threads_of_a_handler_are_let_go(method: str) -> None:
    servicer = InThread()
    held = threading.Event()

    def requests() -> Iterator[Request]:
        yield Request()
        held.wait(PATIENCE)

    with on_a_loop(servicer) as (loop, target), grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        call = stub.Talk(requests()) if method == "Talk" else stub.Collect.future(requests())
        run_until(loop, servicer.entered.is_set)
        close(loop)
        assert (end_of if method == "Talk" else outcome_of)(call) == LOST
        assert servicer.left.wait(PATIENCE)
    held.set()


class Ahead(AsyncEcho):
    """Has ended before its responses have gone."""

    def __init__(self) -> None:
        self.ended = False

    async def Watch(self, request, context):
        for number in range(3):
            self.writing = asyncio.ensure_future(
                context.write(Reply(number=number, payload=bytes(3 * 1024 * 1024)))
            )
            await asyncio.sleep(0)
        self.ended = True


def test_responses_that_wait_for_a_slow_client_are_dropped_and_it_is_told() -> None:
    servicer = Ahead()
    # C-core widens its window as it sees fit.
    fixed_window = (("grpc.http2.bdp_probe", 0),)
    with on_a_loop(servicer) as (loop, target), grpc_bridge.insecure_channel(target, fixed_window) as channel:
        stream = stub_of(channel).Watch(Request())
        run_until(loop, lambda: servicer.ended)
        close(loop)
        assert end_of(stream) == LOST


# ---- what comes later --------------------------------------------------------------------------------


def test_what_comes_later_is_refused() -> None:
    servicer = Waiting()
    servicer.release.set()
    with on_a_loop(servicer) as (loop, target), grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        call = stub.Collect.future(iter(()))
        run_until(loop, lambda: servicer.entered)
        loop.run_until_complete(_cancel_all())
        loop.close()
        assert call.exception(PATIENCE) is not None
        for _ in range(3):
            assert outcome_of(stub.Collect.future(iter(()), timeout=PATIENCE)) == LOST
            assert outcome_of(stub.Ask.future(Request(text="on the loop"), timeout=PATIENCE)) == LOST
        # What runs in a thread does not need the loop.
        assert stub.Ask(Request()).text == "answered"


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_asyncio_run_ends_with_its_server_running() -> None:
    server, target = make_server(AsyncEcho())

    async def main() -> None:
        await server.start()
        async with grpc_bridge.insecure_channel(target) as channel:
            assert (await stub_of(channel).Ask(Request(text="a"))).text == "A"

    asyncio.run(main())
    with grpc_bridge.insecure_channel(target) as channel:
        assert stub_of(channel).Ask.future(Request(), timeout=PATIENCE).exception(PATIENCE).code() in OVER
    assert server.stop(5).wait(PATIENCE)
