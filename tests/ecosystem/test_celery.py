"""A module-level channel in a Celery worker: used in the parent, which forks its pool after that.

Tasks call in threads, and coroutines with `grpc_bridge.run`.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conftest import PATIENCE
from ..users.conftest import environment, remote_target  # noqa: F401 - a fixture

pytest.importorskip("celery", reason="celery is not installed")

TASKS = """
    import asyncio
    import os

    import grpc_bridge as grpc
    from celery import Celery
    from tests.protos import exchange_pb2_grpc
    from tests.protos.exchange_pb2 import Request

    here = os.path.dirname(__file__)
    app = Celery("celery_tasks", broker="filesystem://", backend=f"file://{here}/results")
    app.conf.broker_transport_options = {
        "data_folder_in": f"{here}/queue",
        "data_folder_out": f"{here}/queue",
        "control_folder": f"{here}/control",
    }
    app.conf.broker_connection_retry_on_startup = True

    stub = exchange_pb2_grpc.ExchangeStub(grpc.insecure_channel(os.environ["GRPC_TARGET"]))
    assert stub.Ask(Request(text="imported"), timeout=20).text == "IMPORTED"

    async def ask_each(texts):
        replies = await asyncio.gather(*(stub.Ask(Request(text=text), timeout=20) for text in texts))
        return [reply.text for reply in replies]

    @app.task
    def ask(text):
        return os.getppid(), stub.Ask(Request(text=text), timeout=20).text

    @app.task
    def ask_all(texts):
        return grpc.run(ask_each(texts))
"""


@pytest.fixture
def worker(tmp_path: Path, remote_target: str) -> Iterator[subprocess.Popen[bytes]]:  # noqa: F811
    """A worker whose pool has one forked process."""
    for folder in ("queue", "control", "results"):
        (tmp_path / folder).mkdir()
    (tmp_path / "celery_tasks.py").write_text(textwrap.dedent(TASKS))
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR")
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "--pool=prefork", "-c", "1", *quiet],
        cwd=tmp_path,
        env={**environment(), "GRPC_TARGET": remote_target},
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait(PATIENCE)


@pytest.fixture
def tasks(tmp_path: Path, remote_target: str, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: F811
    """The module of the tasks, for who sends them."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("GRPC_TARGET", remote_target)
    yield importlib.import_module("celery_tasks")
    del sys.modules["celery_tasks"]


def test_tasks_of_a_forked_pool_are_answered(worker: subprocess.Popen[bytes], tasks: Any) -> None:
    sent = [tasks.ask.delay("a"), tasks.ask_all.delay(["b", "c"]), tasks.ask.delay("d")]
    assert [result.get(timeout=PATIENCE) for result in sent] == [
        [worker.pid, "A"],
        ["B", "C"],
        [worker.pid, "D"],
    ]
    worker.terminate()
    assert worker.wait(PATIENCE) == 0
