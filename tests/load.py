"""RPCs of every arity, again and again, to a server that may go away; and a server that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc

from .conftest import PATIENCE
from .protos.exchange_pb2 import Request

ROOT = Path(__file__).resolve().parents[1]

# C-core says UNKNOWN where a stream is removed together with its connection.
LOST = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN}

AT_ONCE = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500))
"""Channel options: a lost connection is tried again at once, where grpcio would wait a second."""

KINDS = {
    "grpc.server": "grpc.server(futures.ThreadPoolExecutor(40)), Echo()",
    "ours, functions": "grpc_bridge.server(futures.ThreadPoolExecutor(40)), Echo()",
    "ours, coroutines": "grpc_bridge.server(), AsyncEcho()",
}

_PROGRAM = """
import sys
from concurrent import futures
import grpc
import grpc_bridge
from tests.conftest import AsyncEcho, Echo
from tests.protos import exchange_pb2_grpc

server, servicer = {kind}
exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
server.add_insecure_port("127.0.0.1:{port}")
server.start()
print("started", flush=True)
sys.stdin.read()
"""


class ServerProcess:
    """A server in a process of its own, on one port, killed and started again. A context manager."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        # Bound for as long as this lives, so that nobody else is given the port while no server has it.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self._port = self._reserved.getsockname()[1]
        self.target = f"127.0.0.1:{self._port}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it; it serves on return."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM.format(kind=KINDS[self._kind], port=self._port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "started\n"

    def kill(self) -> None:
        """With SIGKILL: it has no time to say so."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
            self._process = None

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.kill()
        self._reserved.close()


class Load:
    """Workers that check each answer; an RPC may be lost, and nothing else. An async context manager."""

    def __init__(self, stub: Any, workers: int) -> None:
        self.answered = self.lost = 0
        self._stub, self._workers = stub, workers
        self._going_on = True
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Load:
        self._tasks = [asyncio.create_task(self._work(number)) for number in range(self._workers)]
        return self

    async def __aexit__(self, *reason: object) -> None:
        self._going_on = False
        await asyncio.wait_for(asyncio.gather(*self._tasks), PATIENCE)

    async def more(self, count: int) -> None:
        """Return when so many more rounds have been answered."""
        wanted = self.answered + count
        while self.answered < wanted:
            for task in self._tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.001)

    async def _work(self, number: int) -> None:
        while self._going_on:
            try:
                await every_arity(self._stub, number)
                self.answered += 1
            except grpc.RpcError as error:
                if error.code() not in LOST:
                    raise
                self.lost += 1
                await asyncio.sleep(0.05)


async def every_arity(stub: Any, number: int) -> None:
    """One RPC of each arity; the answers have to be those to `number`."""
    request = Request(number=number, text=f"a{number}")
    assert (await stub.Ask(request)).text == f"A{number}"
    assert [reply.number async for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
    assert (await stub.Collect([request] * 3)).number == 3 * number
    assert [reply.number async for reply in stub.Talk([request] * 3)] == [2 * number] * 3


def every_arity_in_a_thread(stub: Any, number: int) -> None:
    """The same in a thread."""
    request = Request(number=number, text=f"a{number}")
    assert stub.Ask(request).text == f"A{number}"
    assert [reply.number for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
    assert stub.Collect(iter([request] * 3)).number == 3 * number
    assert [reply.number for reply in stub.Talk(iter([request] * 3))] == [2 * number] * 3


async def status_of(call: Any) -> grpc.StatusCode:
    """How it ends; responses are read one by one."""
    with contextlib.suppress(grpc.RpcError):
        if hasattr(call, "read"):
            while await call.read() is not grpc.aio.EOF:
                pass
        else:
            await call
    code: grpc.StatusCode = await call.code()
    return code


async def begun(start: Callable[[float], Any], use: Callable[[Any], Awaitable[Any]]) -> Any:
    """A call with a deadline that is as short as leaves time for its first use."""
    timeout = 0.3
    while True:
        call = start(timeout)
        try:
            await use(call)
        except (grpc.RpcError, asyncio.InvalidStateError):
            assert await call.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            timeout *= 2
        else:
            return call


def tally(codes: list[grpc.StatusCode]) -> dict[str, int]:
    """How many ended how."""
    return dict(Counter(code.name for code in codes))
