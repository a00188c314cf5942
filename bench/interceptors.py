"""Sync interceptors that wait on a loop's thread: in greenlets, as ours do, beside threads of a pool.

`python -m bench.interceptors`. All contenders share this process and one server process. The pool has a
thread for every call in flight, so that none is made anew nor waited for; of the interceptor only its wait is
there.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

import grpc_bridge
from grpc_bridge._bridge import run_sync, wait_here

from . import report
from .contenders import SharedServer
from .measure import Sample, compare
from .messages import method
from .scenarios import Case
from .workers import cpu_seconds

Call = Callable[[bytes], Awaitable[Any]]

_ROUNDS, _SECONDS, _THREADS = 7, 1.0, 64


class Waits(grpc.UnaryUnaryClientInterceptor):
    """Waits for the status of its call."""

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        call = continuation(client_call_details, request)
        call.code()
        return call


def plain(channel: Any) -> Call:
    return channel.unary_unary(method("Unary"))  # type: ignore[no-any-return]


def in_greenlets(channel: Any) -> Call:
    return plain(grpc_bridge.intercept_channel(channel, Waits()))


def in_threads(channel: Any) -> Call:
    start = channel.unary_unary(method("Unary")).future
    pool = ThreadPoolExecutor(_THREADS)

    async def call(request: bytes) -> Any:
        started = start(request)
        await asyncio.get_running_loop().run_in_executor(pool, started.code)
        return await started

    return call


def greenlet_alone(channel: Any) -> Call:  # noqa: ARG001
    """One wait for a turn of the loop, and no call."""

    def wait() -> None:
        wait_here(asyncio.sleep(0))

    async def call(request: bytes) -> Any:  # noqa: ARG001
        await run_sync(wait)  # type: ignore[misc]

    return call


def thread_alone(channel: Any) -> Call:  # noqa: ARG001
    """The same in a thread."""
    pool = ThreadPoolExecutor(_THREADS)

    async def call(request: bytes) -> Any:  # noqa: ARG001
        loop = asyncio.get_running_loop()

        def wait() -> None:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()

        await loop.run_in_executor(pool, wait)

    return call


class Here:
    """A contender in this very process."""

    def __init__(
        self,
        name: str,
        make: Callable[[Any], Call],
        server: SharedServer,
        concurrency: int,
        against: str | None = None,
    ) -> None:
        self.name, self.against = name, against
        self._make, self._server, self._concurrency = make, server, concurrency

    def start(self, seconds: float) -> None:
        self._loop = asyncio.new_event_loop()
        self._channel = grpc_bridge.insecure_channel(f"127.0.0.1:{self._server.acquire()}")
        self._call = self._make(self._channel)
        self.run(min(seconds, 0.3))

    def run(self, seconds: float) -> Sample:
        cpu, start = cpu_seconds(), time.perf_counter()
        count = self._loop.run_until_complete(self._load(start + seconds))
        return Sample(count, time.perf_counter() - start, {"client": cpu_seconds() - cpu})

    async def _load(self, deadline: float) -> int:
        async def work() -> int:
            count = 0
            while time.perf_counter() < deadline:
                await self._call(b"x" * 64)
                count += 1
            return count

        return sum(await asyncio.gather(*(work() for _ in range(self._concurrency))))

    def stop(self) -> None:
        self._channel.close()
        self._server.release()
        self._loop.close()


def main() -> None:
    print(f"{_ROUNDS} rounds of {_SECONDS:g} s each, in turn; {os.cpu_count()} CPUs\n")
    for concurrency in (1, 64):
        server = SharedServer(["bridge-async"])
        calls = [
            Here("no interceptor", plain, server, concurrency, "waits in a thread"),
            Here("waits in a greenlet", in_greenlets, server, concurrency, "waits in a thread"),
            Here("waits in a thread", in_threads, server, concurrency),
        ]
        alone = [
            Here("in a greenlet", greenlet_alone, server, concurrency, "in a thread"),
            Here("in a thread", thread_alone, server, concurrency),
        ]
        for title, contenders in (("unary calls", calls), ("the wait alone", alone)):
            case = Case("interceptors", f"{title}, concurrency {concurrency}", contenders, ends=("client",))
            print(
                report.table(case, compare(contenders, _ROUNDS, _SECONDS, lambda _: None)),
                end="\n\n",
                flush=True,
            )


if __name__ == "__main__":
    main()
