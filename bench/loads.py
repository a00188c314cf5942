"""What a client does for the length of a sample, from threads, from tasks, or from both at once."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from .messages import STREAMED
from .peers import Client
from .work import SLICE, burn

SHAPES = {"unary": 1, "busy": 1, "receive": STREAMED, "send": STREAMED, "exchange": STREAMED}
"""What one operation is, and how many messages (or calls) it counts for."""
LIVES = ("channel", "first call")
"""Operations with a channel of their own: made and closed, or made, used for one call and closed."""

MIXED_THREADS = 4
_THREADS_AT_MOST = 16


class Load:
    """The operations of one client; one channel for all of them, but for those that are about channels."""

    def __init__(self, connect: Callable[[], Any], is_async: bool, request: Any) -> None:
        self._connect = connect
        self._is_async = is_async
        self._request = request
        self._client: Client | None = None

    def operation(self, shape: str) -> tuple[Callable[[], Any], int]:
        """A function that does one, and what one counts for. For tasks, on the loop that is to run them."""
        if shape in LIVES:
            return functools.partial(self._live_async if self._is_async else self._live, shape), 1
        if self._client is None:
            self._client = self._connect()
        return functools.partial(getattr(self._client, shape), self._request), SHAPES[shape]

    async def _live_async(self, shape: str) -> None:
        client = self._connect()
        if shape == "first call":
            await client.unary(self._request)
        await client.close()

    def _live(self, shape: str) -> None:
        client = self._connect()
        if shape == "first call":
            client.unary(self._request)
        client.close()


def from_threads(
    operation: Callable[[], Any], each: int, concurrency: int, deadline: float
) -> Callable[[], int]:
    """Start threads that repeat the operation; the function returned joins them and adds up.

    Each does it once, however short the time.
    """
    counts: list[int] = []

    def work() -> None:
        count = 0
        while not count or time.perf_counter() < deadline:
            operation()
            count += each
        counts.append(count)

    workers = min(concurrency, _THREADS_AT_MOST)
    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()

    def join() -> int:
        for thread in threads:
            thread.join()
        if len(counts) != workers:
            raise RuntimeError("a call failed: its traceback is above")
        return sum(counts)

    return join


async def from_tasks(
    operation: Callable[[], Awaitable[Any]], each: int, concurrency: int, deadline: float
) -> int:
    async def work() -> int:
        count = 0
        while not count or time.perf_counter() < deadline:
            await operation()
            count += each
        return count

    return sum(await asyncio.gather(*[work() for _ in range(concurrency)]))


async def beside_cpu_work(load: Awaitable[int]) -> int:
    """The load on a loop that has something else to do all the time."""

    async def keep_busy() -> None:
        while True:
            burn(SLICE)
            await asyncio.sleep(0)

    other = asyncio.create_task(keep_busy())
    try:
        return await load
    finally:
        other.cancel()
