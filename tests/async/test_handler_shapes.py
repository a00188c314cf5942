"""What may be registered as a handler, and what a streaming handler may return."""

# A handler takes a request and a context, wanted or not.
# ruff: noqa: ARG001, ARG005

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import importlib.util
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import Cython
import grpc.aio
import pytest

import grpc_bridge
from grpc_bridge._handler import runs_on_loop

from ..conftest import LOOPBACK, PATIENCE, in_plain_thread, stub_of
from ..protos.exchange_pb2 import Reply, Request

SERVICE = "grpc_bridge.testing.Exchange"


@pytest.fixture(params=["from sync code", "in a coroutine"])
async def stub_for(request: pytest.FixtureRequest) -> Any:
    """Serves one handler as a method of the test service; gives the method's multi-callable on our client."""
    servers: list[Any] = []
    channels: list[Any] = []
    makers = {
        "Ask": grpc_bridge.unary_unary_rpc_method_handler,
        "Watch": grpc_bridge.unary_stream_rpc_method_handler,
        "Collect": grpc_bridge.stream_unary_rpc_method_handler,
        "Talk": grpc_bridge.stream_stream_rpc_method_handler,
    }

    def serve(method: str, behavior: Callable[..., Any]) -> int:
        handler = makers[method](behavior, Request.FromString, Reply.SerializeToString)
        server = grpc_bridge.server()
        server.add_registered_method_handlers(SERVICE, {method: handler})
        port: int = server.add_insecure_port(LOOPBACK)
        server.start()
        servers.append(server)
        return port

    def multi_callable(method: str, behavior: Callable[..., Any]) -> Any:
        if request.param == "from sync code":
            port = in_plain_thread(serve, method, behavior)
        else:
            port = serve(method, behavior)
        channels.append(grpc_bridge.insecure_channel(f"127.0.0.1:{port}"))
        return getattr(stub_of(channels[-1]), method)

    yield multi_callable
    for channel in channels:
        await channel.close()
    for server in servers:
        await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)


# ---- one response ------------------------------------------------------------------------------------


def plain(prefix: str, request: Request, context: Any) -> Reply:
    return Reply(text=prefix + request.text)


async def coroutine(prefix: str, request: Request, context: Any) -> Reply:
    await asyncio.sleep(0)
    return Reply(text=prefix + request.text)


def returns_coroutine(request: Request, context: Any) -> Any:
    return coroutine("a ", request, context)


class CallableObject:
    def __call__(self, request: Request, context: Any) -> Reply:
        return plain("a ", request, context)

    async def method(self, request: Request, context: Any) -> Reply:
        return await coroutine("a ", request, context)


class AsyncCallable:
    async def __call__(self, request: Request, context: Any) -> Reply:
        return await coroutine("a ", request, context)


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: Any) -> Any:
        return function("a ", *arguments)

    return wrapper


class OwnAwaitable:
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def __await__(self) -> Iterator[Any]:
        yield from asyncio.sleep(0).__await__()
        return self._reply


UNARY: dict[str, Callable[..., Any]] = {
    "partial of a function": functools.partial(plain, "a "),
    "partial of a coroutine function": functools.partial(coroutine, "a "),
    "partial of a partial": functools.partial(functools.partial(coroutine), "a "),
    "callable object": CallableObject(),
    "object with async __call__": AsyncCallable(),
    "bound method": CallableObject().method,
    "function that returns a coroutine": returns_coroutine,
    "lambda that returns a coroutine": lambda request, context: coroutine("a ", request, context),
    "function that returns an awaitable": lambda request, context: OwnAwaitable(
        plain("a ", request, context)
    ),
    "decorated function": decorated(plain),
    "coroutine function behind a sync decorator": decorated(coroutine),
}


@pytest.mark.parametrize("shape", UNARY)
async def test_a_unary_handler_of_any_shape(stub_for: Any, shape: str) -> None:
    method = stub_for("Ask", UNARY[shape])
    for text in ("word", "", "other"):
        assert (await method(Request(text=text), timeout=20)).text == f"a {text}"


async def test_a_coroutine_from_a_function_runs_on_the_servers_loop(stub_for: Any) -> None:
    async def on_loop() -> Reply:
        return Reply(text=f"{threading.get_ident()} {id(asyncio.get_running_loop())}")

    method = stub_for("Ask", lambda request, context: on_loop())
    replies = [await method(Request()) for _ in range(3)]
    assert len({reply.text for reply in replies}) == 1


# ---- a stream of responses ---------------------------------------------------------------------------


def replies_to(request: Request) -> list[Reply]:
    return [Reply(number=number) for number in range(request.number)]


class AnextAlone:
    def __init__(self, request: Request) -> None:
        self._replies = iter(replies_to(request))

    async def __anext__(self) -> Reply:
        await asyncio.sleep(0)
        for reply in self._replies:
            return reply
        raise StopAsyncIteration


class AsyncIterable:
    def __init__(self, request: Request) -> None:
        self._request = request

    async def __aiter__(self) -> Any:
        for reply in replies_to(self._request):
            yield reply


class FedByThread:
    """The response iterator of the requirements: another thread puts, `__next__` blocks."""

    def __init__(self, request: Request) -> None:
        self._queue: queue.Queue[Reply | None] = queue.Queue()
        threading.Thread(target=self._work, args=(request,), daemon=True).start()

    def _work(self, request: Request) -> None:
        for reply in [*replies_to(request), None]:
            self._queue.put(reply)

    def __iter__(self) -> FedByThread:
        return self

    def __next__(self) -> Reply:
        reply = self._queue.get()
        if reply is None:
            raise StopIteration
        return reply


def generator(request: Request, context: Any) -> Iterator[Reply]:
    yield from replies_to(request)


async def async_generator(request: Request, context: Any) -> Any:
    for reply in replies_to(request):
        await asyncio.sleep(0)
        yield reply


async def returns_list(request: Request, context: Any) -> list[Reply]:
    await asyncio.sleep(0)
    return replies_to(request)


async def returns_blocking(request: Request, context: Any) -> FedByThread:
    return FedByThread(request)


async def returns_async_generator(request: Request, context: Any) -> Any:
    return async_generator(request, context)


async def writes(request: Request, context: Any) -> None:
    for reply in replies_to(request):
        await context.write(reply)


class AsyncGeneratorObject:
    async def __call__(self, request: Request, context: Any) -> Any:
        for reply in replies_to(request):
            yield reply


STREAMING: dict[str, Callable[..., Any]] = {
    "generator": generator,
    "async generator": async_generator,
    "partial of an async generator": functools.partial(async_generator),
    "object whose __call__ is an async generator": AsyncGeneratorObject(),
    "function that returns a list": lambda request, context: replies_to(request),
    "function that returns an iterator": lambda request, context: iter(replies_to(request)),
    "function that returns a blocking iterator": lambda request, context: FedByThread(request),
    "function that returns an async generator": lambda request, context: async_generator(request, context),
    "function that returns an async iterable": lambda request, context: AsyncIterable(request),
    "function that returns __anext__ alone": lambda request, context: AnextAlone(request),
    "function that returns a coroutine of a list": lambda request, context: returns_list(request, context),
    "coroutine that returns a list": returns_list,
    "coroutine that returns a blocking iterator": returns_blocking,
    "coroutine that returns an async generator": returns_async_generator,
    "coroutine that writes": writes,
}


@pytest.mark.parametrize("shape", STREAMING)
async def test_a_response_stream_of_any_shape(stub_for: Any, shape: str) -> None:
    method = stub_for("Watch", STREAMING[shape])
    for count in (5, 0, 1):
        replies = [reply.number async for reply in method(Request(number=count), timeout=20)]
        assert replies == list(range(count))


# ---- a stream of requests ----------------------------------------------------------------------------


async def reads(_: Any, context: Any) -> Any:
    while (request := await context.read()) is not grpc.aio.EOF:
        yield Reply(number=request.number)


async def reads_and_writes(requests: Any, context: Any) -> None:
    async for request in requests:
        await context.write(Reply(number=request.number))


def for_in_thread(requests: Any, context: Any) -> Iterator[Reply]:
    for request in requests:
        yield Reply(number=request.number)


def next_in_thread(requests: Any, context: Any) -> Iterator[Reply]:
    while True:
        try:
            request = next(requests)
        except StopIteration:
            return
        yield Reply(number=request.number)


async def waits_for_each(requests: Any, context: Any) -> Any:
    while True:
        try:
            request = await asyncio.wait_for(anext(requests), PATIENCE)
        except StopAsyncIteration:
            return
        yield Reply(number=request.number)


async def task_for_each(requests: Any, context: Any) -> Any:
    while True:
        task = asyncio.create_task(anext(requests))
        await asyncio.wait({task})
        if isinstance(task.exception(), StopAsyncIteration):
            return
        yield Reply(number=task.result().number)


async def one_read_is_given_up(requests: Any, context: Any) -> Any:
    given_up = asyncio.ensure_future(anext(requests))
    await asyncio.sleep(0)
    given_up.cancel()
    with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
        # Unless it had come already: the first is there before the handler.
        yield Reply(number=(await given_up).number)
    async for request in requests:
        yield Reply(number=request.number)


@pytest.mark.parametrize(
    "handler",
    [
        reads,
        reads_and_writes,
        for_in_thread,
        next_in_thread,
        waits_for_each,
        task_for_each,
        one_read_is_given_up,
    ],
)
async def test_requests_are_taken_any_way(stub_for: Any, handler: Callable[..., Any]) -> None:
    method = stub_for("Talk", handler)
    for count in (4, 0, 1):
        requests = [Request(number=number) for number in range(count)]
        assert [reply.number async for reply in method(requests, timeout=20)] == list(range(count))


async def test_a_read_is_awaited_once(stub_for: Any) -> None:
    async def handler(requests: Any, context: Any) -> Any:
        read = anext(requests)
        yield Reply(number=(await read).number)
        with pytest.raises(RuntimeError, match="already awaited"):
            await read

    method = stub_for("Talk", handler)
    assert [reply.number async for reply in method([Request(number=3)], timeout=20)] == [3]


async def test_of_two_tasks_that_read_each_gets_some(stub_for: Any) -> None:
    async def handler(requests: Any, context: Any) -> Any:
        taken: asyncio.Queue[int] = asyncio.Queue()

        async def take() -> None:
            async for request in requests:
                taken.put_nowait(request.number)

        tasks = [asyncio.create_task(take()) for _ in range(2)]
        for _ in range(6):
            yield Reply(number=await taken.get())
        await asyncio.gather(*tasks)

    call = stub_for("Talk", handler)()
    for number in range(6):
        # The answer shows that it was taken; both tasks wait again, or are about to.
        await call.write(Request(number=number))
        assert (await asyncio.wait_for(call.read(), PATIENCE)).number == number
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


@pytest.mark.parametrize("method", ["Ask", "Talk"])
async def test_a_handlers_task_is_named_after_its_method(stub_for: Any, method: str) -> None:
    def name() -> Reply:
        task = asyncio.current_task()
        assert task is not None
        return Reply(text=task.get_name())

    async def ask(request: Request, context: Any) -> Reply:
        return name()

    async def talk(requests: Any, context: Any) -> Any:
        yield name()

    if method == "Ask":
        reply = await stub_for("Ask", ask)(Request())
    else:
        [reply] = [each async for each in stub_for("Talk", talk)([])]
    assert reply.text == f"/{SERVICE}/{method}"


# ---- compiled handlers -------------------------------------------------------------------------------

SOURCE = Path(__file__).with_name("compiled_handlers.pyx")


@pytest.fixture(scope="session")
def compiled() -> Any:
    """The handlers of compiled_handlers.pyx; compiled once for each version of them and of Cython."""
    version = hashlib.sha256(SOURCE.read_bytes() + f"{Cython.__version__} {sys.version}".encode())
    folder = SOURCE.parents[2] / "build" / "compiled_handlers" / version.hexdigest()[:16]
    if not list(folder.glob("compiled_handlers.*.so")):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as workshop:
            subprocess.run(
                [sys.executable, "-m", "Cython.Build.Cythonize", "-i", "-q", shutil.copy(SOURCE, workshop)],
                env={**os.environ, "CFLAGS": "-O0"},
                check=True,
                timeout=PATIENCE,
            )
            [module] = Path(workshop).glob("compiled_handlers.*.so")
            module.replace(folder / module.name)  # whole or not at all: another worker may be at it, too
    [module] = folder.glob("compiled_handlers.*.so")
    spec = importlib.util.spec_from_file_location("compiled_handlers", module)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize("name", ["ask", "ask_async", "ask_async_unbound", "method"])
async def test_a_compiled_unary_handler(stub_for: Any, compiled: Any, name: str) -> None:
    behavior = compiled.Servicer().ask_async if name == "method" else getattr(compiled, name)
    assert (await stub_for("Ask", behavior)(Request(text="word"), timeout=PATIENCE)).text == "a word"


@pytest.mark.parametrize(
    "name", ["watch", "watch_async", "watch_async_unbound", "watch_on_context", "method"]
)
async def test_a_compiled_handler_of_a_stream(stub_for: Any, compiled: Any, name: str) -> None:
    behavior = compiled.Servicer().watch_async if name == "method" else getattr(compiled, name)
    method = stub_for("Watch", behavior)
    for count in (3, 0):
        replies = [reply.number async for reply in method(Request(number=count), timeout=PATIENCE)]
        assert replies == list(range(count))


async def test_a_compiled_coroutine_function_needs_no_thread(compiled: Any) -> None:
    for name in ("ask_async", "watch_async", "watch_on_context"):
        assert runs_on_loop(getattr(compiled, name))
