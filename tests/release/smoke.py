"""A program that shows that an installed grpc_bridge works: `python smoke.py`, with nothing else installed.

Run by cibuildwheel in each wheel's environment, by `make release-check`, and by the tests.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import grpc_bridge as grpc

PATIENCE = 60

LEGACY = """\
import sys

import grpc


def main(target):
    with grpc.insecure_channel(target) as channel:
        print(channel.unary_unary("/smoke.Echo/Ask")(b"asked").decode())
        for reply in channel.unary_stream("/smoke.Echo/Watch")(b"watched"):
            print(reply.decode())


if __name__ == "__main__":
    main(sys.argv[1])
"""


def ask(request: bytes, _: grpc.ServicerContext) -> bytes:
    return request.upper()


async def watch(request: bytes, _: grpc.ServicerContext) -> AsyncIterator[bytes]:
    for _ in range(2):
        yield request.upper()


def serving() -> tuple[grpc.Server, str]:
    """A server with a handler of each colour, and its address."""
    handlers = {
        "Ask": grpc.unary_unary_rpc_method_handler(ask),
        "Watch": grpc.unary_stream_rpc_method_handler(watch),
    }
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("smoke.Echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"


def in_a_thread(channel: grpc.Channel) -> None:
    assert channel.unary_unary("/smoke.Echo/Ask")(b"a", timeout=PATIENCE) == b"A"
    assert list(channel.unary_stream("/smoke.Echo/Watch")(b"w", timeout=PATIENCE)) == [b"W", b"W"]


async def in_a_coroutine(channel: grpc.Channel) -> None:
    assert await channel.unary_unary("/smoke.Echo/Ask")(b"a", timeout=PATIENCE) == b"A"
    replies = channel.unary_stream("/smoke.Echo/Watch")(b"w", timeout=PATIENCE)
    assert [reply async for reply in replies] == [b"W", b"W"]


def migrated(target: str) -> None:
    """A program for grpcio, migrated and run: its output stays the same."""

    def python(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True, timeout=PATIENCE
        ).stdout

    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "legacy.py")
        program.write_text(LEGACY)
        before = python("legacy.py", target)
        assert before == "ASKED\nWATCHED\nWATCHED\n", before
        python("-m", "grpc_bridge.codemod", "--no-cache", "legacy.py")
        assert "async def main" in program.read_text()
        assert python("legacy.py", target) == before


def main() -> None:
    package = Path(grpc.__file__).parent
    if "GRPC_BRIDGE_NOT_FROM" in os.environ:  # a checkout, which must not stand in for the wheel
        assert package != Path(os.environ["GRPC_BRIDGE_NOT_FROM"]), package
    assert (package / "py.typed").is_file()
    assert grpc.__version__ == version("grpc-bridge")
    server, target = serving()
    channel = grpc.insecure_channel(target)
    in_a_thread(channel)
    asyncio.run(in_a_coroutine(channel))
    grpc.run(in_a_coroutine(channel))
    migrated(target)
    channel.close()
    assert server.stop(None).wait(PATIENCE)
    print(f"grpc-bridge {grpc.__version__} works from {package}, with grpcio {version('grpcio')}")


if __name__ == "__main__":
    main()
