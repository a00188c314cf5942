"""The server that the programs of the corpus talk to: grpcio's, and never migrated.

It names no generated module, so to the codemod it is code that it knows nothing of.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc

from .peer import Peer, add_ExchangeServicer_to_server


@contextmanager
def serving(servicer: Any = None, add: Callable[[Any, Any], None] | None = None) -> Iterator[str]:
    """A server on loopback; its target."""
    pool = futures.ThreadPoolExecutor(16)
    server = grpc.server(pool)
    (add or add_ExchangeServicer_to_server)(servicer or Peer(), server)
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
