"""A module-level channel under gunicorn: used in the master, which forks its workers after that.

With `preload_app` the application is imported, and the channel used, before there is a worker. The master,
every worker, and one in place of a worker that was killed are answered, in both colours.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from ..conftest import PATIENCE
from ..users.conftest import environment, remote_target  # noqa: F401 - a fixture

pytest.importorskip("gunicorn", reason="gunicorn is not installed")

WORKERS = 3

APPLICATION = """
    import asyncio, os
    import grpc_bridge as grpc
    from tests.protos import exchange_pb2_grpc
    from tests.protos.exchange_pb2 import Request

    channel = grpc.insecure_channel(os.environ["GRPC_TARGET"])
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    def in_thread():
        assert stub.Ask(Request(text="sync"), timeout=20).text == "SYNC"
        assert [reply.number for reply in stub.Watch(Request(number=3), timeout=20)] == [0, 1, 2]

    async def in_coroutine():
        assert (await stub.Ask(Request(text="async"), timeout=20)).text == "ASYNC"
        assert [reply.number async for reply in stub.Watch(Request(number=3), timeout=20)] == [0, 1, 2]

    def use(who):
        in_thread()
        asyncio.run(in_coroutine())
        grpc.run(in_coroutine())
        print(who, os.getpid(), flush=True)

    use("import")

    def application(environ, start_response):
        use("request")
        start_response("200 OK", [])
        return [str(os.getpid()).encode()]
"""

CONFIGURATION = f"""
    bind = "127.0.0.1:0"
    workers = {WORKERS}
    preload_app = True
    control_socket_disable = True

    def when_ready(server):
        print("port", server.LISTENERS[0].sock.getsockname()[1], flush=True)

    def post_worker_init(worker):
        import application
        application.use("worker")

    def on_exit(server):
        import application
        application.use("exit")
"""


class Gunicorn:
    """A gunicorn master, and what it and its workers print: a word and a number each time."""

    def __init__(self, folder: Path, target: str) -> None:
        (folder / "application.py").write_text(textwrap.dedent(APPLICATION))
        (folder / "configuration.py").write_text(textwrap.dedent(CONFIGURATION))
        self.master = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "configuration.py", "application:application"],
            cwd=folder,
            env={**environment(), "GRPC_TARGET": target},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: Queue[str] = Queue()
        self._errors: list[str] = []
        self._readers = [Thread(target=self._read_output), Thread(target=self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read_output(self) -> None:
        assert self.master.stdout is not None
        for line in self.master.stdout:
            self._lines.put(line)

    def _read_errors(self) -> None:
        assert self.master.stderr is not None
        self._errors.extend(self.master.stderr)

    def told(self, expected: str) -> int:
        """The number that was printed with the word that is expected next."""
        word, number = self._lines.get(timeout=PATIENCE).split()
        assert word == expected
        return int(number)

    def end(self) -> int:
        """Ask the master to end; its exit status."""
        self.master.terminate()
        return self.master.wait(PATIENCE)

    def close(self) -> None:
        if self.master.poll() is None:
            self.master.kill()
        for reader in self._readers:
            reader.join(PATIENCE)
        with self.master:
            pass  # closes its pipes

    def complaints(self) -> list[str]:
        """What was printed on stderr beside gunicorn's own log, and its log of errors."""
        return [line for line in self._errors if "[INFO]" not in line and "Got goaway" not in line]


@pytest.fixture
def gunicorn(tmp_path: Path, remote_target: str) -> Iterator[Gunicorn]:  # noqa: F811 - the fixture
    started = Gunicorn(tmp_path, remote_target)
    yield started
    started.close()


def ask(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.status == 200
        return int(response.read())
    finally:
        connection.close()


def test_the_master_and_every_worker_are_answered(gunicorn: Gunicorn) -> None:
    master = gunicorn.told("import")
    assert master == gunicorn.master.pid
    port = gunicorn.told("port")
    workers = {gunicorn.told("worker") for _ in range(WORKERS)}
    assert len({master, *workers}) == 1 + WORKERS
    for _ in range(6):
        worker = ask(port)
        assert worker in workers
        assert gunicorn.told("request") == worker
    killed = workers.pop()
    os.kill(killed, signal.SIGKILL)
    workers.add(gunicorn.told("worker"))  # in place of the one that was killed
    assert killed not in workers
    assert ask(port) in workers
    gunicorn.told("request")
    assert gunicorn.end() == 0
    assert gunicorn.told("exit") == master
    gunicorn.close()
    complaints = [line for line in gunicorn.complaints() if f"pid:{killed}" not in line]
    assert complaints == []
