"""A program that ends with channels, streams and servers still open ends at once, and says nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ..conftest import PATIENCE, Start

ROOT = Path(__file__).resolve().parents[2]

PREAMBLE = """
import asyncio, threading
import grpc
import grpc_bridge
from tests.protos.exchange_pb2 import Reply, Request
from tests.protos import exchange_pb2_grpc

class Servicer(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        return Reply(text=request.text)

    async def Watch(self, request, context):
        while True:
            yield Reply(text=request.text)
            await asyncio.sleep(0.001)

    async def Talk(self, request_iterator, context):
        async for request in request_iterator:
            yield Reply(text=request.text)

def start():
    server = grpc_bridge.server()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"

def stub_of(target):
    channel = grpc_bridge.insecure_channel(target)
    return exchange_pb2_grpc.ExchangeStub(channel)
"""

PROGRAMS = {
    "a server": """
        server, target = start()
        """,
    "a server and a channel, used in a thread": """
        server, target = start()
        stub = stub_of(target)
        assert stub.Ask(Request(text="a")).text == "a"
        """,
    "a server and a channel, used in a loop": """
        server, target = start()
        stub = stub_of(target)
        async def main():
            assert (await stub.Ask(Request(text="a"))).text == "a"
        asyncio.run(main())
        """,
    "a server of a loop that has ended": """
        async def main():
            global server, stub
            server, target = start()
            stub = stub_of(target)
            assert (await stub.Ask(Request(text="a"))).text == "a"
        asyncio.run(main())
        """,
    "an open stream of a loop": """
        server, target = start()
        stub = stub_of(target)
        async def main():
            global call
            call = stub.Watch(Request(text="a"))
            assert (await call.read()).text == "a"
        asyncio.run(main())
        """,
    "an open stream of a loop that never ended": """
        server, target = start()
        stub = stub_of(target)
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        async def main():
            global call
            call = stub.Watch(Request(text="a"))
            return (await call.read()).text
        assert asyncio.run_coroutine_threadsafe(main(), loop).result(10) == "a"
        """,
    "an open stream of a thread": """
        server, target = start()
        stub = stub_of(target)
        call = stub.Watch(Request(text="a"))
        assert next(call).text == "a"
        call.cancel()
        """,
    "a call of run": """
        server, target = start()
        stub = stub_of(target)
        async def ask():
            return (await stub.Ask(Request(text="a"))).text
        assert grpc_bridge.run(ask()) == "a"
        """,
    "a request iterator that blocks": """
        import queue
        server, target = start()
        stub = stub_of(target)
        async def main():
            global call
            call = stub.Talk(iter(queue.Queue().get, None))
            await asyncio.sleep(0)
        asyncio.run(main())
        """,
    "a server that was stopped": """
        server, target = start()
        stub = stub_of(target)
        assert stub.Ask(Request(text="a")).text == "a"
        server.stop(None).wait()
        """,
}


LOCKED = """
import asyncio, gc, sys, threading
import grpc_bridge
from tests.protos import exchange_pb2_grpc
from tests.protos.exchange_pb2 import Request

def all_of(kind):
    return [each for each in gc.get_objects() if isinstance(each, kind)]

async def begin():
    call = stub.Talk()
    await call.write(Request(text="a"))
    assert (await call.read()).text == "A"
    return call

others = {id(each) for each in all_of(threading.Condition)}
stub = exchange_pb2_grpc.ExchangeStub(grpc_bridge.insecure_channel(sys.argv[1]))
loops = [asyncio.new_event_loop() for _ in range(2)]
calls = [loop.run_until_complete(begin()) for loop in loops]
loops[0].close()
others.update(id(event._cond) for event in all_of(threading.Event))
locks = [each for each in all_of(threading.Condition) if id(each) not in others]
assert locks  # grpcio's of the channel
for lock in locks:
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
"""


def run(*arguments: str, debug: str = "") -> tuple[str, list[str], int]:
    """What a Python process writes to stdout and stderr, and its exit status."""
    done = subprocess.run(
        [sys.executable, "-c", *arguments],
        cwd=ROOT,
        # C-core tells of a connection that its peer has closed, at a level of its own.
        env={**os.environ, "PYTHONASYNCIODEBUG": debug, "GRPC_VERBOSITY": "ERROR"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    # asyncio's debug mode tells of steps that a busy machine made slow; that is about the machine.
    errors = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    return done.stdout, errors, done.returncode


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("debug", ["", "1"], ids=["plain", "asyncio debug mode"])
def test_exit_is_silent_and_quick(program: str, debug: str) -> None:
    assert run(PREAMBLE + textwrap.dedent(PROGRAMS[program]), debug=debug) == ("", [], 0)


def test_nobody_waits_for_a_lock_that_a_thread_took_to_its_grave(grpcio_server: Start) -> None:
    # The interpreter's end kills the pollers, wherever they are: some while they hold a lock of grpcio's.
    assert run(LOCKED, grpcio_server()) == ("", [], 0)
