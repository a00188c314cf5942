"""A channel and a stub made when a module is imported serve every loop and thread of the program.

Three `asyncio.run` one after the other, uvloop, two loops in two threads at once, a plain thread: one
channel, one stub, nothing rebuilt for a loop, one connection.
"""

from __future__ import annotations

from pathlib import Path

from .conftest import Run

CLIENT = """
import grpc_bridge as grpc
from tests.protos import exchange_pb2_grpc
import sys

channel = grpc.insecure_channel(sys.argv[1])
stub = exchange_pb2_grpc.ExchangeStub(channel)
"""

PROGRAM = """
    import asyncio, sys, threading
    from concurrent import futures
    import uvloop
    from client import stub
    from tests.protos.exchange_pb2 import Request
    from tests.users.conftest import connections

    async def use():
        assert (await stub.Ask(Request(text="unary"))).text == "UNARY"
        reply, call = await stub.Ask.with_call(Request(number=4))
        assert (reply.number, await call.details()) == (4, "")
        assert [reply.number async for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
        assert (await stub.Collect(iter([Request(number=2)] * 3))).number == 6
        assert [reply.number async for reply in stub.Talk([Request(number=2)] * 2)] == [4, 4]

    def use_in_thread():
        assert stub.Ask(Request(text="unary")).text == "UNARY"
        assert [reply.number for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
        assert stub.Collect(iter([Request(number=2)] * 3)).number == 6
        assert [reply.number for reply in stub.Talk(iter([Request(number=2)] * 2))] == [4, 4]

    def three_runs():
        for _ in range(3):
            asyncio.run(use())

    def with_uvloop():
        uvloop.run(use())

    def two_loops_at_once():
        both = threading.Barrier(2)

        async def together():
            # Both loops are running, and stay so until the other's calls have ended.
            await asyncio.to_thread(both.wait, 20)
            await asyncio.gather(*(use() for _ in range(10)))
            await asyncio.to_thread(both.wait, 20)

        with futures.ThreadPoolExecutor(2) as pool:
            for end in [pool.submit(asyncio.run, together()), pool.submit(uvloop.run, together())]:
                end.result(25)

    def plain_thread():
        with futures.ThreadPoolExecutor(1) as pool:
            pool.submit(use_in_thread).result(25)

    STEPS = {step.__name__: step for step in (three_runs, with_uvloop, two_loops_at_once, plain_thread)}
    for name in sys.argv[2].split():
        STEPS[name]()
    print(connections(sys.argv[1]))
"""

ORDERS = [
    "three_runs with_uvloop two_loops_at_once plain_thread",
    "plain_thread two_loops_at_once with_uvloop three_runs",
]


def test_one_module_level_stub_for_every_loop_and_thread(
    run_program: Run, remote_target: str, tmp_path: Path
) -> None:
    (tmp_path / "client.py").write_text(CLIENT)
    for order in ORDERS:
        assert run_program(PROGRAM, remote_target, order) == "1\n"
