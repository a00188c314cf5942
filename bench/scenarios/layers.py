"""What our RPC layer and facade take, the transport taken out.

The ratios are to an empty future's round trip.
"""

from __future__ import annotations

import argparse

from ..measure import MICROSECONDS, Sample
from ..workers import Worker
from .base import Case

_FUTURE = "empty asyncio future"
_BUILD_TIMEOUT = 120.0
_WARM_UP = 0.3

_UNARY = (
    ("client, concurrency 1", "client unary", 1),
    ("client, concurrency 64", "client unary", 64),
    ("server, concurrency 1", "server unary", 1),
    ("server, concurrency 64", "server unary", 64),
)
_STREAMED = (
    ("client, receiving", "client receive", 1),
    ("client, sending", "client send", 1),
    ("server, sending", "server receive", 1),
    ("server, receiving", "server send", 1),
    ("client, one each way", "client exchange", 1),
    ("server, one each way", "server exchange", 1),
)


class _Process:
    """The process that all contenders share."""

    def __init__(self) -> None:
        self._users = 0
        self._worker: Worker | None = None

    def acquire(self) -> Worker:
        self._users += 1
        if self._worker is None:
            # The loop-back transport may have to be compiled first.
            self._worker = Worker("bench.layers", [], _BUILD_TIMEOUT)
        return self._worker

    def release(self) -> None:
        self._users -= 1
        if not self._users and self._worker is not None:
            self._worker.stop()
            self._worker = None


class Layer:
    def __init__(self, process: _Process, name: str, what: str, concurrency: int) -> None:
        self.name = name
        self.against = None if name == _FUTURE else _FUTURE
        self._process = process
        self._question = {"what": what, "concurrency": concurrency}
        self._worker: Worker | None = None

    def start(self, seconds: float) -> None:
        self._worker = self._process.acquire()
        self.run(min(seconds, _WARM_UP))

    def run(self, seconds: float) -> Sample:
        assert self._worker is not None
        answer = self._worker.ask(seconds, **self._question)
        return Sample(answer["count"], answer["elapsed"])

    def stop(self) -> None:
        self._process.release()


def layers(options: argparse.Namespace) -> list[Case]:  # noqa: ARG001
    process = _Process()
    cases = []
    for key, title, rows in (
        ("layers/unary", "RPC layer and facade, per unary RPC", _UNARY),
        ("layers/streamed", "RPC layer and facade, per streamed message", _STREAMED),
    ):
        contenders = [Layer(process, _FUTURE, "future", 1), *(Layer(process, *row) for row in rows)]
        cases.append(Case(key, title, contenders, (MICROSECONDS,)))
    return cases
