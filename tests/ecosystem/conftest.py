"""Our server as it is started from sync code and on a running loop; calls made in one colour or the other."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import LOOPBACK, PATIENCE

Build = Callable[..., Any]
Serve = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture(autouse=True)
def _quiet_loops(quiet_loops: None) -> None:
    pass


class Threads:
    """Makes calls as sync code does, in a plain thread."""

    async def unary(self, multicallable: Any, request: Any, **arguments: Any) -> Any:
        """The response."""
        return await asyncio.to_thread(multicallable, request, timeout=PATIENCE, **arguments)

    async def error(self, multicallable: Any, request: Any, **arguments: Any) -> Any:
        """What the call fails with."""
        with pytest.raises(grpc.RpcError) as caught:
            await self.unary(multicallable, request, **arguments)
        return caught.value

    async def stream(self, multicallable: Any, request: Any, count: int, **arguments: Any) -> list[Any]:
        """The first `count` responses; then the call is cancelled."""

        def take() -> list[Any]:
            call = multicallable(request, timeout=PATIENCE, **arguments)
            responses = list(itertools.islice(call, count))
            call.cancel()
            return responses

        return await asyncio.to_thread(take)

    async def all(self, multicallable: Any, request: Any) -> list[Any]:
        """The responses of a call that ends by itself."""
        return await asyncio.to_thread(lambda: list(multicallable(request, timeout=PATIENCE)))


class Coroutines(Threads):
    """Makes calls as a coroutine does."""

    async def unary(self, multicallable: Any, request: Any, **arguments: Any) -> Any:
        return await multicallable(request, timeout=PATIENCE, **arguments)

    async def stream(self, multicallable: Any, request: Any, count: int, **arguments: Any) -> list[Any]:
        call = multicallable(request, timeout=PATIENCE, **arguments)
        responses = [await anext(call) for _ in range(count)]
        call.cancel()
        return responses

    async def all(self, multicallable: Any, request: Any) -> list[Any]:
        return [response async for response in multicallable(request, timeout=PATIENCE)]


@pytest.fixture(params=[Threads, Coroutines], ids=["thread", "coroutine"])
def caller(request: pytest.FixtureRequest) -> Any:
    """Makes calls in one colour."""
    return request.param()


@asynccontextmanager
async def _serve_from_thread(build: Build, **options: Any) -> AsyncIterator[str]:
    def start() -> tuple[Any, int]:
        server = grpc_bridge.server(**options)
        build(server)
        port = server.add_insecure_port(LOOPBACK)
        server.start()
        return server, port

    server, port = await asyncio.to_thread(start)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        stopped = await asyncio.to_thread(server.stop, None)
        assert await asyncio.to_thread(stopped.wait, PATIENCE)


@asynccontextmanager
async def _serve_here(build: Build, **options: Any) -> AsyncIterator[str]:
    server = grpc_bridge.server(**options)
    build(server)
    port = server.add_insecure_port(LOOPBACK)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)


@pytest.fixture(params=[_serve_from_thread, _serve_here], ids=["sync server", "server on the loop"])
def serve(request: pytest.FixtureRequest) -> Any:
    """Serves what `build(server)` adds to our server; an async context manager whose value is the target."""
    return request.param


def names(items: Iterable[Any]) -> list[str]:
    return sorted(item.name for item in items)
