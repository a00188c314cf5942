"""Four loops and four threads make a thousand calls each on one channel, and no loop is bothered.

Each loop's exception handler and asyncio's logger stay silent, a loop is woken at most once for each call of
its own, and a loop that has no calls in flight is not woken at all.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import grpc_bridge

from ..conftest import PATIENCE, LoopInThread, stub_of
from ..protos.exchange_pb2 import Request

CALLS = 1_000
AT_ONCE = 20

pytestmark = pytest.mark.timeout(120)


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts how often another thread wakes it."""

    def __init__(self) -> None:
        super().__init__()
        self.wakes = 0

    def call_soon_threadsafe(self, callback: Any, *arguments: Any, **options: Any) -> asyncio.Handle:
        self.wakes += 1
        return super().call_soon_threadsafe(callback, *arguments, **options)


async def call_many(stub: Any, first: int) -> int:
    """A thousand calls, twenty at a time, each with a number of its own; how many came back right."""

    async def some(offset: int) -> int:
        right = 0
        for number in range(first + offset, first + CALLS, AT_ONCE):
            right += (await stub.Ask(Request(number=number))).number == number
        return right

    return sum(await asyncio.gather(*(some(offset) for offset in range(AT_ONCE))))


def call_many_in_thread(stub: Any, first: int, done: list[int]) -> None:
    done.append(
        sum(stub.Ask(Request(number=number)).number == number for number in range(first, first + CALLS))
    )


def test_loops_and_threads_share_a_channel_in_silence(
    remote_target: str, loop_in_thread: Callable[..., LoopInThread]
) -> None:
    with grpc_bridge.insecure_channel(remote_target) as channel:
        stub = stub_of(channel)
        busy = [loop_in_thread(CountingLoop) for _ in range(4)]
        idle = loop_in_thread(CountingLoop)
        complaints: list[dict[str, Any]] = []
        for runner in (*busy, idle):
            runner.loop.set_exception_handler(lambda _, complaint: complaints.append(complaint))
        # It has used the channel, too, and so is known to it.
        assert idle.run(call_many(stub, 0)) == CALLS
        idle_wakes = idle.loop.wakes

        in_threads: list[int] = []
        threads = [
            threading.Thread(target=call_many_in_thread, args=(stub, number * CALLS, in_threads))
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        ends = [loop.submit(call_many(stub, number * CALLS)) for number, loop in enumerate(busy)]
        assert [end.result(100) for end in ends] == [CALLS] * 4
        for thread in threads:
            thread.join(PATIENCE)
        assert in_threads == [CALLS] * 4

        # One for each call at most, and the one that started the coroutine.
        assert [runner.loop.wakes <= CALLS + 1 for runner in busy] == [True] * 4
        assert idle.loop.wakes == idle_wakes
        assert complaints == []
