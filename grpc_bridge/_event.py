"""An event for both colours: ``threading.Event`` in a thread, awaitable in a coroutine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import Any

from grpc_bridge._border import running_loop, wait_on_gate, wake, within


class Event(threading.Event):
    """Set once, from any thread; waited for in threads and on any number of loops.

    It holds no lock: a signal handler may wait for it, or set it, whatever the code that it interrupts is
    doing with it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._set = False
        self._gates: list[threading.Lock] = []
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {'set' if self._set else 'unset'}>"

    def is_set(self) -> bool:
        """Whether it has been set."""
        return self._set

    def set(self) -> None:
        """Wake everyone who waits."""
        self._set = True
        try:
            while True:
                self._gates.pop().release()
        except IndexError:
            pass
        try:
            while True:
                wake(*self._waiters.pop())
        except IndexError:
            pass

    def clear(self) -> None:
        """Not for this event: what it tells of does not happen twice."""
        raise RuntimeError("this event is set once, and stays so")

    def wait(self, timeout: float | None = None) -> Any:
        """Whether the event is set, after at most `timeout` seconds: blocks, or is awaited in a coroutine."""
        if running_loop() is not None:
            return self._wait_in_coroutine(timeout)
        if not self._set:
            gate = threading.Lock()
            gate.acquire()
            self._gates.append(gate)
            if self._set:
                self.set()  # it was set while the gate was being added
            wait_on_gate(gate, timeout)
            try:
                self._gates.remove(gate)
            except ValueError:
                pass  # `set` has taken it
        return self._set

    async def _wait_in_coroutine(self, timeout: float | None) -> bool:
        return not await self.wait_async(timeout)

    async def wait_async(self, timeout: float | None = None) -> bool:
        """Wait in a coroutine; True if `timeout` seconds passed first."""
        if self._set:
            return False
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waiters.append((loop, waiter))
        if self._set:
            self.set()  # it was set while the waiter was being added
        try:
            await within(timeout, waiter)
        except asyncio.TimeoutError:
            return True
        finally:
            try:
                self._waiters.remove((loop, waiter))
            except ValueError:
                pass  # `set` has taken it
        return False

    def __await__(self) -> Generator[Any, None, Event]:
        yield from self.wait_async().__await__()
        return self
