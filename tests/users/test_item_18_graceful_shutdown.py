"""SIGTERM and Ctrl-C let RPCs in flight, of both colours, finish within their grace, and refuse new ones."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import LOOPBACK, PATIENCE, AsyncEcho, in_plain_thread, stub_of, until_refused
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request
from .conftest import environment

COMMON = """
import asyncio, atexit, signal, sys, threading, time
from concurrent import futures
import grpc_bridge as grpc
from grpc_bridge import aio
from tests.conftest import LOOPBACK, Servicer
from tests.protos import exchange_pb2_grpc
from tests.protos.exchange_pb2 import Reply

GRACE = 20

class Slow(Servicer):
    # Each answers when the test says so, over a stream of requests.
    def Collect(self, request_iterator, context):
        print("in flight", flush=True)
        return Reply(number=sum(request.number for request in request_iterator))

    async def Talk(self, request_iterator, context):
        print("in flight", flush=True)
        async for request in request_iterator:
            yield Reply(number=request.number)

def make(module):
    server = module.server(futures.ThreadPoolExecutor(4))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Slow(), server)
    print(server.add_insecure_port(LOOPBACK), flush=True)
    return server
"""

PROGRAMS = {
    # As most sync programs do it: the handler of the signal waits.
    "sync, the handler waits": """
        def main():
            server = make(grpc)
            signal.signal(signal.SIGTERM, lambda *_: server.stop(GRACE).wait())
            signal.signal(signal.SIGINT, lambda *_: server.stop(GRACE).wait())
            server.start()
            server.wait_for_termination()
        main()
    """,
    "sync, the handler stops": """
        def main():
            server = make(grpc)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: server.stop(GRACE))
            server.start()
            server.wait_for_termination()
        main()
    """,
    "sync, an event is waited for": """
        def main():
            server = make(grpc)
            done = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: done.set())
            server.start()
            # Python itself may miss a signal that comes just before a wait without end.
            while not done.wait(0.1):
                pass
            server.stop(GRACE).wait()
        main()
    """,
    "sync, KeyboardInterrupt": """
        def main():
            server = make(grpc)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.default_int_handler)
            try:
                # (It may come before this thread has gone on from here.)
                server.start()
                server.wait_for_termination()
            except KeyboardInterrupt:
                server.stop(GRACE).wait()
        main()
    """,
    "sync, main ends": """
        def main():
            server = make(grpc)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.default_int_handler)
            try:
                # (It may come before this thread has gone on from here.)
                server.start()
                server.wait_for_termination()
            except KeyboardInterrupt:
                server.stop(GRACE)
        main()
    """,
    "asyncio, signal handlers of the loop": """
        async def main():
            server = make(grpc)
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, lambda: server.stop(GRACE))
            await server.start()
            await server.wait_for_termination()
        asyncio.run(main())
    """,
    "asyncio, cancelled": """
        async def main():
            server = make(grpc)
            loop = asyncio.get_running_loop()
            task = asyncio.current_task()
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
            loop.add_signal_handler(signal.SIGINT, task.cancel)
            server.start()
            try:
                await server.wait_for_termination()
            except asyncio.CancelledError:
                await server.stop(GRACE)
        asyncio.run(main())
    """,
    "asyncio, an event is awaited": """
        async def main():
            server = make(grpc)
            done = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, done.set)
            await server.start()
            await done.wait()
            await server.stop(GRACE)
        asyncio.run(main())
    """,
    # As in grpcio's example of a graceful shutdown, for grpc.aio.
    "grpc.aio's example": """
        cleanup = []

        async def serve():
            server = make(aio)
            await server.start()

            async def graceful():
                await server.stop(GRACE)

            cleanup.append(graceful())
            await server.wait_for_termination()

        # The example waits for KeyboardInterrupt, which may also come in the middle of a handler.
        loop = asyncio.new_event_loop()
        serving = loop.create_task(serve())
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, serving.cancel)
        try:
            loop.run_until_complete(serving)
        except asyncio.CancelledError:
            pass
        finally:
            loop.run_until_complete(*cleanup)
            loop.close()
    """,
    "grpc.aio, stop in a task": """
        async def main():
            server = make(aio)
            loop = asyncio.get_running_loop()
            tasks = []
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, lambda: tasks.append(asyncio.create_task(server.stop(GRACE))))
            await asyncio.create_task(server.start())
            await asyncio.create_task(server.wait_for_termination())
        asyncio.run(main())
    """,
}


class Program:
    """A server in a process of its own."""

    def __init__(self, script: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.target = f"127.0.0.1:{int(self.line())}"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=PATIENCE)
        # C-core tells of connections that their peer has closed, now and then.
        return self.process.returncode, "".join(
            line for line in errors.splitlines(keepends=True) if "GOAWAY" not in line.upper()
        )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    programs: list[Program] = []

    def run(body: str) -> Program:
        script = tmp_path / "program.py"
        script.write_text(COMMON + textwrap.dedent(body))
        programs.append(Program(script))
        return programs[-1]

    yield run
    for program in programs:
        if program.process.poll() is None:
            program.process.kill()
        for stream in (program.process.stdout, program.process.stderr):
            assert stream is not None
            stream.close()
        program.process.wait(PATIENCE)


class Requests:
    """A stream of requests that ends when it is told to."""

    def __init__(self) -> None:
        self.end = threading.Event()

    def __iter__(self) -> Iterator[Request]:
        yield Request(number=3)
        self.end.wait(PATIENCE)
        yield Request(number=4)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("how", PROGRAMS)
def test_a_signal_drains(how: str, number: signal.Signals, start: Any) -> None:
    program = start(PROGRAMS[how])
    requests = Requests()
    with grpc.insecure_channel(program.target) as channel:
        stub = stub_of(channel)
        in_thread = stub.Collect.future(iter(requests))
        on_loop = stub.Talk(iter(requests))
        assert next(on_loop).number == 3
        assert [program.line(), program.line()] == ["in flight"] * 2
        program.process.send_signal(number)
        until_refused(program.target)
        assert not in_thread.done()
        requests.end.set()
        assert in_thread.result(PATIENCE).number == 7
        assert [reply.number for reply in on_loop] == [4]
    assert program.end() == (0, "")


WAITS = {
    "wait_for_termination": """
        server = make(grpc)
        signal.signal(signal.SIGTERM, lambda *_: server.stop(GRACE))
        server.start()
        threading.Thread(target=send).start()
        server.wait_for_termination()
    """,
    "run": """
        done = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: done.set())
        async def until_the_signal():
            threading.Thread(target=send).start()
            await asyncio.to_thread(done.wait)
        grpc.run(until_the_signal())
    """,
}


@pytest.mark.parametrize("wait", WAITS)
def test_a_signal_that_another_thread_was_given_is_heard(wait: str, run_program: Any) -> None:
    """As is one that comes just before the main thread begins to wait: neither interrupts the wait."""
    send = """
        def place():
            frame = sys._current_frames()[threading.main_thread().ident]
            return id(frame), frame.f_lasti

        def send():
            # Once the main thread stands still, though nothing keeps it from running.
            places = [place()]
            while len(places) < 20:
                time.sleep(0.001)
                places = [*places, place()] if place() == places[0] else [place()]
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    """
    run_program(COMMON + textwrap.dedent(send) + textwrap.dedent(WAITS[wait]))


async def test_two_servers_in_one_loop_both_stop() -> None:
    servers = []
    for _ in range(2):
        server = grpc_bridge.server()
        exchange_pb2_grpc.add_ExchangeServicer_to_server(AsyncEcho(), server)
        port = server.add_insecure_port(LOOPBACK)
        await server.start()
        servers.append((server, f"127.0.0.1:{port}"))
    for _, target in servers:
        async with grpc_bridge.insecure_channel(target) as channel:
            assert (await stub_of(channel).Ask(Request(text="a"))).text == "A"
    stops = [server.stop(PATIENCE) for server, _ in servers]
    await asyncio.wait_for(asyncio.gather(*stops), PATIENCE)
    assert [stopped.is_set() for stopped in stops] == [True, True]
    for _, target in servers:
        await asyncio.to_thread(until_refused, target)


class Waits(AsyncEcho):
    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()

    def Ask(self, request, context):
        self.entered.set()
        self.release.wait(PATIENCE)
        return Reply(text="late")


@pytest.mark.parametrize("started", ["from sync code", "in a coroutine"])
async def test_what_stop_returns_is_waited_for_and_awaited(started: str) -> None:
    servicer = Waits()
    server = grpc_bridge.server()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    target = f"127.0.0.1:{server.add_insecure_port(LOOPBACK)}"
    if started == "in a coroutine":
        await server.start()
    else:
        in_plain_thread(server.start)
    async with grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(channel).Ask.future(Request())
        assert await asyncio.to_thread(servicer.entered.wait, PATIENCE)
        stopped = server.stop(PATIENCE)
        assert isinstance(stopped, threading.Event)
        assert not stopped.is_set()
        assert not await asyncio.to_thread(stopped.wait, 0.01)
        assert not await stopped.wait(0.01)
        waiting = asyncio.create_task(asyncio.to_thread(stopped.wait, PATIENCE))
        servicer.release.set()
        assert (await call).text == "late"
        assert await asyncio.wait_for(stopped, PATIENCE) is stopped
        assert await waiting
        assert await stopped.wait(PATIENCE)
        assert stopped.is_set()


AT_EXIT = """
def main():
    server = make(grpc)
    atexit.register(lambda: server.stop(GRACE).wait())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    server.start()
    server.wait_for_termination()
main()
"""


def test_the_interpreters_end_drains(start: Any) -> None:
    # (What runs in threads, Python itself waits for before it calls anything.)
    program = start(AT_EXIT)
    requests = Requests()
    with grpc.insecure_channel(program.target) as channel:
        on_loop = stub_of(channel).Talk(iter(requests))
        assert next(on_loop).number == 3
        assert program.line() == "in flight"
        program.process.send_signal(signal.SIGTERM)
        until_refused(program.target)
        requests.end.set()
        assert [reply.number for reply in on_loop] == [4]
    assert program.end() == (0, "")
