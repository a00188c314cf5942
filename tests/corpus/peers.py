"""The peer that the programs of the corpus talk to: one plain grpcio server, never migrated."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc

from tests.protos import exchange_pb2_grpc
from tests.protos.exchange_pb2 import Reply


class Peer(exchange_pb2_grpc.ExchangeServicer):
    """Answers in capitals, doubles numbers, and refuses what is negative; `failures` come first."""

    def __init__(self, failures: int = 0) -> None:
        self._failures = failures
        self._lock = threading.Lock()

    def Ask(self, request, context):
        with self._lock:
            failing, self._failures = self._failures > 0, max(0, self._failures - 1)
        if failing:
            context.abort(grpc.StatusCode.UNAVAILABLE, "try again")
        if request.number < 0:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "below zero")
        return Reply(text=request.text.upper(), number=request.number * 2)

    def Watch(self, request, context):
        for number in range(abs(request.number)):
            yield Reply(text=request.text.upper(), number=number)
        if request.number < 0:
            context.abort(grpc.StatusCode.DATA_LOSS, "the rest is lost")

    def Collect(self, request_iterator, context):
        return Reply(number=sum(request.number for request in request_iterator))

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            if request.text == "refuse":
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "refused")
            yield Reply(text=request.text.upper(), number=request.number * 2)


@contextmanager
def serving(servicer: Any = None, add: Callable[[Any, Any], None] | None = None) -> Iterator[str]:
    """A server on loopback; its target."""
    pool = futures.ThreadPoolExecutor(16)
    server = grpc.server(pool)
    (add or exchange_pb2_grpc.add_ExchangeServicer_to_server)(servicer or Peer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait(10)
        pool.shutdown()


@contextmanager
def serving_elsewhere() -> Iterator[str]:
    """A server in a process of its own, which outlives what this one's exit ends; its target."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        assert process.stdin is not None
        process.stdin.close()


if __name__ == "__main__":
    with serving() as target:
        print(target, flush=True)
        sys.stdin.read()
