"""Threads and loops in the hundreds, all at once on one channel; afterwards they have gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, Start, in_plain_thread, stub_of
from ..footprint import flat, footprint
from ..load import every_arity, every_arity_in_a_thread

THREADS = LOOPS = 100


@pytest.mark.parametrize("servicer", [Echo, AsyncEcho], ids=["functions", "coroutines"])
def test_at_once_on_one_channel(servicer: type, bridge_server: Start) -> None:
    failures: list[BaseException] = []
    gate = threading.Barrier(THREADS + LOOPS)

    def begin(work: Callable[[], object]) -> None:
        try:
            gate.wait(PATIENCE)
            work()
        except BaseException as error:
            failures.append(error)

    with grpc_bridge.insecure_channel(bridge_server(servicer())) as channel:
        stub = stub_of(channel)
        every_arity_in_a_thread(stub, 0)
        before = threading.active_count()

        works: list[Callable[[], object]] = []
        for number in range(THREADS):
            works.append(lambda number=number: every_arity_in_a_thread(stub, number))
        for number in range(LOOPS):
            works.append(lambda number=number: asyncio.run(every_arity(stub, number)))
        threads = [threading.Thread(target=begin, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert failures == []
        assert not any(thread.is_alive() for thread in threads)
        # What is left are threads of the server's pool.
        assert threading.active_count() < before + 40


async def test_hundreds_of_loops_leave_nothing(bridge_server: Start) -> None:
    async with grpc_bridge.insecure_channel(bridge_server(AsyncEcho())) as channel:
        stub = stub_of(channel)

        def run_loops(count: int) -> None:
            for number in range(count):
                asyncio.run(every_arity(stub, number))

        # In threads that end: asyncio's pool may make one more for the second of two that follow at once.
        in_plain_thread(run_loops, 5)
        before = footprint()
        in_plain_thread(run_loops, 30)
        await flat(before, PATIENCE)
