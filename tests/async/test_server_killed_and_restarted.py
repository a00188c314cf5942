"""A server killed under load and started again: RPCs are right or fail, and the channel comes back."""

from __future__ import annotations

import asyncio
from concurrent import futures

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, stub_of
from ..footprint import flat, footprint
from ..load import AT_ONCE, KINDS, LOST, Load, ServerProcess, every_arity_in_a_thread, status_of
from ..protos.exchange_pb2 import Request
from ..versions import resets_are_heard


@resets_are_heard
@pytest.mark.parametrize("kind", KINDS)
async def test_under_load(kind: str) -> None:
    with ServerProcess(kind) as server:
        async with grpc_bridge.insecure_channel(server.target, options=AT_ONCE) as channel:
            stub = stub_of(channel)
            async with Load(stub, 1) as load:
                await load.more(1)
            before = footprint()
            async with Load(stub, 10) as load:
                await load.more(20)
                talks = [stub.Talk() for _ in range(10)]
                for call in talks:
                    await call.write(Request(number=1))
                    assert (await call.read()).number == 2
                await asyncio.to_thread(server.kill)
                codes = await asyncio.wait_for(asyncio.gather(*map(status_of, talks)), PATIENCE)
                assert set(codes) <= LOST
                await asyncio.to_thread(server.start)
                await load.more(20)
            assert load.lost > 0
            assert (await stub.Ask(Request(text="a"))).text == "A"
            # (asyncio's pool has a thread more.)
            del talks, call
            await flat(before, PATIENCE, besides={"threads"})


@resets_are_heard
def test_under_a_thread_and_a_loop_of_the_same_channel() -> None:
    """Both colours come back, and each of its own accord."""

    def work() -> bool:
        try:
            every_arity_in_a_thread(stub, 3)
        except grpc.RpcError as error:
            if error.code() not in LOST:
                raise
            return False
        return True

    async def main() -> None:
        async with Load(stub, 5) as load:
            await load.more(5)
            await asyncio.to_thread(server.kill)
            while not load.lost:  # noqa: ASYNC110 - the load is in other tasks
                await asyncio.sleep(0.001)
            assert not await asyncio.to_thread(work)
            await asyncio.to_thread(server.start)
            await load.more(5)
            while not await asyncio.to_thread(work):
                pass

    with (
        ServerProcess("ours, coroutines") as server,
        grpc_bridge.insecure_channel(server.target, options=AT_ONCE) as channel,
        futures.ThreadPoolExecutor(1) as pool,
    ):
        stub = stub_of(channel)
        assert work()
        pool.submit(asyncio.run, main()).result(2 * PATIENCE)
