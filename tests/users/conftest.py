"""Fresh processes for what a process tries only once: import orders, forks; and a server out of reach."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conftest import PATIENCE, Servicer
from ..protos.exchange_pb2 import Reply

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., str]

# The folder's name is a keyword, which no import statement can spell.
connections: Callable[[str], int] = importlib.import_module("tests.async.test_loops_and_threads").connections


class Waiting(Servicer):
    """Handlers of the four arities that wait, in their thread, and then answer nothing much."""

    def _wait(self, context: Any) -> None:
        raise NotImplementedError

    def Ask(self, request, context):
        self._wait(context)
        return Reply()

    def Watch(self, request, context):
        self._wait(context)
        yield Reply()

    def Collect(self, request_iterator, context):
        self._wait(context)
        return Reply()

    def Talk(self, request_iterator, context):
        self._wait(context)
        yield Reply()


class Patient(Waiting):
    """Answers nobody; says when an RPC came, and when it was over."""

    def __init__(self) -> None:
        self.entered, self.over = threading.Event(), threading.Event()

    def _wait(self, context: Any) -> None:
        if not context.add_callback(self.over.set):
            self.over.set()  # it was cancelled before it came here
        self.entered.set()
        self.over.wait(PATIENCE)


SERVER = """
    import sys
    from concurrent import futures
    import grpc
    from tests.conftest import Echo
    from tests.protos import exchange_pb2_grpc

    server = grpc.server(futures.ThreadPoolExecutor(16))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Echo(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(None).wait(20)
"""


@pytest.fixture(autouse=True)
def _quiet_loops(quiet_loops: None) -> None:
    pass


def environment() -> dict[str, str]:
    """The tests' environment without what changes gRPC's or asyncio's ways, and with the tests importable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GRPC_", "PYTHON"))}
    # From Python 3.12 on it warns of every fork of a process that has threads.
    ignored = "ignore:This process (pid"
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1", "PYTHONWARNINGS": ignored}


@pytest.fixture
def run_program(tmp_path: Path) -> Run:
    """Runs a program in a fresh process, where it has to end well with an empty stderr; its stdout."""

    def run(program: str, *arguments: str, timeout: float = PATIENCE) -> str:
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(program))
        done = subprocess.run(
            [sys.executable, str(script), *arguments],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        # C-core tells of a connection that its peer has closed, now and then; what else it has to say counts.
        errors = [line for line in done.stderr.splitlines() if "Got goaway" not in line]
        assert (errors, done.returncode) == ([], 0), done.stdout
        return done.stdout

    return run


@pytest.fixture
def remote_target(tmp_path: Path) -> Iterator[str]:
    """A `grpc.server` in a process of its own."""
    script = tmp_path / "server.py"
    script.write_text(textwrap.dedent(SERVER))
    with subprocess.Popen(
        [sys.executable, str(script)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield f"127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.stdin.close()
            try:
                server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
                raise
