"""Every library does every kind of work, and who is not there says why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.clients import OTHERS
from bench.loads import LIVES, SHAPES
from bench.measure import Absent
from bench.peers import KINDS
from bench.workers import Worker

# Clients that have no server of their kind.
WITHOUT_SERVER = ["connectrpc", *OTHERS]
PROTOBUF = ["--messages", "protobuf"]


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    server = Worker("bench.servers", ["bridge-async", *PROTOBUF])
    yield f"127.0.0.1:{server.hello['port']}"
    server.stop()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in WITHOUT_SERVER])
def test_both_ends_of_a_library_do_every_kind_of_work(kind: str) -> None:
    with _present("bench.servers", kind, *PROTOBUF) as server:
        _does_every_kind_of_work(kind, f"127.0.0.1:{server.hello['port']}", [*SHAPES, *LIVES])
        assert server.ask()["cpu"] > 0


@pytest.mark.parametrize("kind", WITHOUT_SERVER)
def test_a_client_does_every_kind_of_work(kind: str, target: str) -> None:
    _does_every_kind_of_work(kind, target, ["unary"] if kind in OTHERS else [*SHAPES, *LIVES])


def _does_every_kind_of_work(kind: str, target: str, shapes: list[str]) -> None:
    with _present("bench.clients", kind, "--target", target, *PROTOBUF) as client:
        for shape in shapes:
            answer = client.ask(0.01, shape=shape, concurrency=1, busy=shape == "unary")
            assert answer["count"] >= SHAPES.get(shape, 1)
            assert answer["elapsed"] > 0
            assert answer["cpu"] >= 0


@contextmanager
def _present(module: str, *arguments: str) -> Iterator[Worker]:
    try:
        worker = Worker(module, arguments)
    except Absent as reason:
        pytest.skip(str(reason))
    try:
        yield worker
    finally:
        worker.stop()


def test_connectrpc_has_no_server_and_says_so() -> None:
    pytest.importorskip("connectrpc")
    with pytest.raises(Absent, match="connectrpc"):
        Worker("bench.servers", ["connectrpc"])


def test_a_library_that_is_not_installed_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    (tmp_path / "grpclib.py").write_text("raise ImportError('grpclib is not installed here')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    for module, arguments in (
        ("bench.clients", ["grpclib", "--target", target]),
        ("bench.servers", ["grpclib"]),
        ("bench.fresh", ["import", "grpclib"]),
    ):
        with pytest.raises(Absent, match="grpclib is not installed here"):
            Worker(module, arguments)


def test_a_worker_that_dies_is_told_from_one_that_is_absent(target: str) -> None:
    worker = Worker("bench.clients", ["grpclib", "--target", target])
    question: dict[str, Any] = {"shape": "no such shape", "concurrency": 1}
    with pytest.raises(RuntimeError, match="no such shape"):
        worker.ask(**question)
    worker.stop()
