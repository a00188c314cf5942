"""Peers on loopback for every test: servers of both of grpcio's colours and ours, and loops in threads."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent import futures
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
import grpc.aio
import pytest

import grpc_bridge

from .protos import exchange_pb2_grpc
from .protos.exchange_pb2 import Reply

T = TypeVar("T")
Servicer = exchange_pb2_grpc.ExchangeServicer
Start = Callable[..., str]

LOOPBACK = "127.0.0.1:0"
PATIENCE = 30.0
"""Seconds that a test gives to something that takes milliseconds, so that a failure is not a hang."""


def pytest_report_header() -> str:
    python = sys.version.split()[0]
    return f"grpcio {grpc.__version__}, grpc_bridge {grpc_bridge.__version__}, Python {python}, loop {LOOP}"


def pytest_collection_finish() -> None:
    """Spare the collector thousands of tests at each of the many times that it is called."""
    gc.collect()
    gc.freeze()


# GRPC_BRIDGE_TEST_LOOP=uvloop runs every async test on uvloop.
LOOP = os.environ.get("GRPC_BRIDGE_TEST_LOOP", "asyncio")

if LOOP == "uvloop":
    import uvloop

    def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
        return {"uvloop": uvloop.new_event_loop}


# ---- servicers ---------------------------------------------------------------------------------------


class Echo(Servicer):
    """The four arities in plain functions."""

    def Ask(self, request, context):
        context.set_trailing_metadata((("asked", request.text or "nothing"),))
        return Reply(text=request.text.upper(), number=request.number)

    def Watch(self, request, context):
        for number in range(request.number):
            yield Reply(number=number, payload=request.payload)

    def Collect(self, request_iterator, context):
        return Reply(number=sum(request.number for request in request_iterator))

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield Reply(text=request.text.upper(), number=request.number * 2)


class AsyncEcho(Servicer):
    """The same in coroutines."""

    async def Ask(self, request, context):
        context.set_trailing_metadata((("asked", request.text or "nothing"),))
        await asyncio.sleep(0)
        return Reply(text=request.text.upper(), number=request.number)

    async def Watch(self, request, context):
        for number in range(request.number):
            yield Reply(number=number, payload=request.payload)

    async def Collect(self, request_iterator, context):
        return Reply(number=sum([request.number async for request in request_iterator]))

    async def Talk(self, request_iterator, context):
        async for request in request_iterator:
            yield Reply(text=request.text.upper(), number=request.number * 2)


def stub_of(channel: Any) -> Any:
    return exchange_pb2_grpc.ExchangeStub(channel)


# ---- where code runs ---------------------------------------------------------------------------------


def in_plain_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Run it where no loop runs, wherever the caller is."""
    with futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result(PATIENCE)


class LoopInThread:
    """A running event loop on a thread of its own."""

    def __init__(self, factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop) -> None:
        self.loop = factory()
        self.thread = threading.Thread(target=self.loop.run_forever, name="test loop", daemon=True)
        self.thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> futures.Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.submit(coroutine).result(PATIENCE)

    def close(self) -> None:
        self.run(_finish_others())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


async def _finish_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@pytest.fixture
def loop_in_thread() -> Iterator[Callable[..., LoopInThread]]:
    loops: list[LoopInThread] = []

    def start(*arguments: Any) -> LoopInThread:
        loops.append(LoopInThread(*arguments))
        return loops[-1]

    yield start
    for loop in loops:
        loop.close()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop go on until the condition holds; the test's own timeout bounds it."""
    while not condition():  # noqa: ASYNC110 - what it waits for may happen in another thread
        await asyncio.sleep(0.001)


async def wait_in_thread(event: threading.Event) -> None:
    """Wait for a thread's event without blocking the loop."""
    assert await asyncio.to_thread(event.wait, PATIENCE)


# ---- servers -----------------------------------------------------------------------------------------


@pytest.fixture
def grpcio_server() -> Iterator[Start]:
    """Starts `grpc.server`s; returns their targets."""
    started: list[tuple[grpc.Server, futures.Executor]] = []

    def start(servicer: Servicer | None = None, **options: Any) -> str:
        pool = futures.ThreadPoolExecutor(16)
        server = grpc.server(pool, **options)
        exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer or Echo(), server)
        port = server.add_insecure_port(LOOPBACK)
        server.start()
        started.append((server, pool))
        return f"127.0.0.1:{port}"

    yield start
    for server, pool in started:
        server.stop(None).wait(PATIENCE)
        pool.shutdown()


@pytest.fixture
def aio_server() -> Iterator[Start]:
    """Starts `grpc.aio.server`s on a loop of their own; returns their targets."""
    loop: LoopInThread | None = None
    started: list[grpc.aio.Server] = []

    async def start_on_loop(servicer: Servicer, options: dict[str, Any]) -> int:
        server = grpc.aio.server(**options)
        exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
        port = server.add_insecure_port(LOOPBACK)
        await server.start()
        started.append(server)
        return port

    def start(servicer: Servicer | None = None, **options: Any) -> str:
        nonlocal loop
        loop = loop or LoopInThread()
        return f"127.0.0.1:{loop.run(start_on_loop(servicer or AsyncEcho(), options))}"

    yield start
    if loop is not None:
        for server in started:
            loop.run(server.stop(None))
        started.clear()
        loop.close()


@pytest.fixture
def bridge_server() -> Iterator[Start]:
    """Starts our servers from sync code, wherever it is called; returns their targets."""
    started: list[Any] = []

    def start_here(servicer: Servicer, options: dict[str, Any]) -> int:
        server = grpc_bridge.server(**options)
        exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
        port: int = server.add_insecure_port(LOOPBACK)
        server.start()
        started.append(server)
        return port

    def start(servicer: Servicer | None = None, **options: Any) -> str:
        return f"127.0.0.1:{in_plain_thread(start_here, servicer or Echo(), options)}"

    yield start
    for server in started:
        assert server.stop(None).wait(PATIENCE)


@asynccontextmanager
async def serving_here(servicer: Servicer | None = None, **options: Any) -> AsyncIterator[str]:
    """Our server on the running loop; its target."""
    server = grpc_bridge.server(**options)
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer or AsyncEcho(), server)
    port = server.add_insecure_port(LOOPBACK)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)


def refuses(target: str) -> bool:
    """Whether a new connection finds nobody."""
    with grpc.insecure_channel(target, options=(("grpc.use_local_subchannel_pool", 1),)) as channel:
        try:
            # A connection that C-core's listener has taken just before it closed is never answered.
            stub_of(channel).Collect(iter(()), timeout=1.0)
        except grpc.RpcError as error:
            return bool(error.code() == grpc.StatusCode.UNAVAILABLE)
    return False


def until_refused(target: str) -> None:
    """Try to connect until nobody is found; the test's own timeout bounds it."""
    while not refuses(target):
        pass


# ---- what must stay silent ---------------------------------------------------------------------------


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = self.format(record)
        # grpc.aio's own: several loops share its one wake-up socket, and all but one find it empty.
        if "PollerCompletionQueue._handle_events" not in message:
            self.messages.append(message)


@pytest.fixture
def quiet_loops() -> Iterator[None]:
    """Fails the test when an exception on some loop had nobody to go to."""
    complaints = _Complaints()
    logger = logging.getLogger("asyncio")
    logger.addHandler(complaints)
    yield
    logger.removeHandler(complaints)
    assert complaints.messages == []
