"""`channel_ready_future` for both colours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any

import grpc

from grpc_bridge import _grpc_types
from grpc_bridge._border import run_callback, running_loop, wake, within


class ChannelReadyFuture(_grpc_types.Future):
    """A ``grpc.Future`` that is done when the channel is connected; awaitable in a coroutine."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._sync = grpc.channel_ready_future(channel)

    def cancel(self) -> bool:
        """Stop waiting; True if the channel was not ready before."""
        return bool(self._sync.cancel())

    def cancelled(self) -> bool:
        """Whether `cancel` came before the channel was ready."""
        return bool(self._sync.cancelled())

    def running(self) -> bool:
        """Whether the channel is still awaited."""
        return bool(self._sync.running())

    def done(self) -> bool:
        """Whether the channel is ready, or nobody waits any more."""
        return bool(self._sync.done())

    def result(self, timeout: float | None = None) -> Any:
        """None, when the channel is ready. Raises ``grpc.FutureTimeoutError`` after `timeout` seconds."""
        if running_loop() is None:
            return self._sync.result(timeout)
        return self._later(self._sync.result, timeout)

    def exception(self, timeout: float | None = None) -> Any:
        """None, when the channel is ready; ``grpc.FutureTimeoutError`` after `timeout` seconds."""
        if running_loop() is None:
            return self._sync.exception(timeout)
        return self._later(self._sync.exception, timeout)

    def traceback(self, timeout: float | None = None) -> TracebackType | Any | None:
        """None, when the channel is ready; ``grpc.FutureTimeoutError`` after `timeout` seconds."""
        if running_loop() is None:
            return self._sync.traceback(timeout)
        return self._later(self._sync.traceback, timeout)

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """Call `fn` with this future when it is done, on a thread of grpcio's; at once if it is."""
        self._sync.add_done_callback(lambda _: run_callback(lambda: fn(self)))

    def __await__(self) -> Generator[Any, None, None]:
        yield from self._later(self._sync.result, None).__await__()

    async def _later(self, read: Callable[[], Any], timeout: float | None) -> Any:
        loop = asyncio.get_running_loop()
        ready = loop.create_future()

        def on_done(_: Any) -> None:
            wake(loop, ready)

        self._sync.add_done_callback(on_done)
        try:
            await within(timeout, ready)
        except asyncio.TimeoutError:
            raise grpc.FutureTimeoutError() from None
        return read()
