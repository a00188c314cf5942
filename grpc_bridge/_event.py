"""An event for both colours: ``threading.Event`` in a thread, awaitable in a coroutine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import Any

from grpc_bridge._border import running_loop, wake


class Event(threading.Event):
    """Set once, from any thread; waited for in threads and on any number of loops."""

    def __init__(self) -> None:
        super().__init__()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def set(self) -> None:
        """Wake everyone who waits."""
        super().set()
        waiters, self._waiters = self._waiters, []
        for loop, waiter in waiters:
            wake(loop, waiter)

    def wait(self, timeout: float | None = None) -> Any:
        """Whether the event is set, after at most `timeout` seconds: blocks, or is awaited in a coroutine."""
        if running_loop() is None:
            return super().wait(timeout)
        return self._wait_in_coroutine(timeout)

    async def _wait_in_coroutine(self, timeout: float | None) -> bool:
        return not await self.wait_async(timeout)

    async def wait_async(self, timeout: float | None = None) -> bool:
        """Wait in a coroutine; True if `timeout` seconds passed first."""
        if self.is_set():
            return False
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waiters.append((loop, waiter))
        if self.is_set():
            self.set()  # it was set while the waiter was being added
        try:
            await asyncio.wait_for(waiter, timeout)
        except asyncio.TimeoutError:
            return True
        return False

    def __await__(self) -> Generator[Any, None, Event]:
        yield from self.wait_async().__await__()
        return self
