"""Interpreters end, each at another await point, in the middle of everything: `python -m tests.ends MOMENT`.

Each is a fork, which imports nothing anew. Prints the number of points, or names one at which it ended badly.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import grpc_bridge

from .conftest import LOOPBACK, PATIENCE, stub_of
from .points import Points
from .protos import exchange_pb2_grpc
from .waits import PROGRAMS, Coroutines

NO_SUCH_POINT = 7


def reach(at: int, moment: str) -> bool:
    """Have all programs wait on the loop of a daemon thread; False when they end before that point."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    reached = threading.Event()
    points = Points(at, moment, reached.set)

    async def main() -> None:
        server = grpc_bridge.server()
        exchange_pb2_grpc.add_ExchangeServicer_to_server(Coroutines(), server)
        port = server.add_insecure_port(LOOPBACK)
        server.start()
        stub = stub_of(grpc_bridge.insecure_channel(f"127.0.0.1:{port}"))
        await asyncio.gather(*(points(program(stub)) for program in PROGRAMS.values()))
        reached.set()

    asyncio.run_coroutine_threadsafe(main(), loop)
    assert reached.wait(PATIENCE)
    return points.acted


def main(moment: str) -> int:
    """The status of this process: of a fork, too, which returns from here with everything open."""
    at = 0
    while child := os.fork():
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == NO_SUCH_POINT:
            print(at)
            return 0
        if status:
            print(f"ended at point {at} with {status}")
            return 1
        at += 1
    return 0 if reach(at, moment) else NO_SUCH_POINT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
