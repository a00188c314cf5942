"""The servers under measurement, each run as `python -m bench.servers KIND`: an echo on a port it names."""

from __future__ import annotations

import argparse
import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .loops import LOOPS, new_loop
from .messages import CODECS, SERVICE, Codec, codec
from .workers import answer_questions, cpu_seconds, say_absent

_ADDRESS = "127.0.0.1:0"
_POOL = 16

# How a server listens and says on which port, then serves until the process ends.
_Ready = Callable[[int], None]


def grpcio_sync(codec: Codec, loop: str, ready: _Ready) -> None:  # noqa: ARG001
    import grpc

    _serve_from_sync_code(grpc, codec, ready)


def bridge_sync(codec: Codec, loop: str, ready: _Ready) -> None:  # noqa: ARG001
    import grpc_bridge

    _serve_from_sync_code(grpc_bridge, codec, ready)


def grpc_aio(codec: Codec, loop: str, ready: _Ready) -> None:
    import grpc

    async def serve() -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((_async_handlers(grpc, codec),))
        port = server.add_insecure_port(_ADDRESS)
        await server.start()
        ready(port)
        await server.wait_for_termination()

    _run(serve, loop)


def bridge_async(codec: Codec, loop: str, ready: _Ready) -> None:
    import grpc_bridge

    async def serve() -> None:
        server = grpc_bridge.server()
        server.add_generic_rpc_handlers((_async_handlers(grpc_bridge, codec),))
        port = server.add_insecure_port(_ADDRESS)
        await server.start()
        ready(port)
        await server.wait_for_termination()

    _run(serve, loop)


SERVERS: dict[str, Callable[[Codec, str, _Ready], None]] = {
    "grpcio-sync": grpcio_sync,
    "grpc-aio": grpc_aio,
    "bridge-async": bridge_async,
    "bridge-sync": bridge_sync,
}


def _serve_from_sync_code(grpc: Any, codec: Codec, ready: _Ready) -> None:
    def unary(request: Any, context: Any) -> Any:  # noqa: ARG001
        return codec.make_reply(request)

    server = grpc.server(ThreadPoolExecutor(max_workers=_POOL))
    server.add_generic_rpc_handlers((_handlers(grpc, codec, unary),))
    port = server.add_insecure_port(_ADDRESS)
    server.start()
    ready(port)
    server.wait_for_termination()


def _async_handlers(grpc: Any, codec: Codec) -> Any:
    async def unary(request: Any, context: Any) -> Any:  # noqa: ARG001
        return codec.make_reply(request)

    return _handlers(grpc, codec, unary)


def _handlers(grpc: Any, codec: Codec, unary: Callable[..., Any]) -> Any:
    handler = grpc.unary_unary_rpc_method_handler(
        unary, request_deserializer=codec.parse_request, response_serializer=codec.serialize
    )
    return grpc.method_handlers_generic_handler(SERVICE, {"Unary": handler})


def _run(serve: Callable[[], Awaitable[None]], loop: str) -> None:
    event_loop = new_loop(loop)
    asyncio.set_event_loop(event_loop)
    event_loop.run_until_complete(serve())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.servers", description=__doc__)
    parser.add_argument("kind", choices=SERVERS)
    parser.add_argument("--messages", choices=CODECS, default="raw")
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    options = parser.parse_args()

    try:
        SERVERS[options.kind](codec(options.messages), options.loop, _answer_in_background)
    except ImportError as error:
        say_absent(error)


def _answer_in_background(port: int) -> None:
    """The main thread serves, as it would in a program; the bench's questions are answered beside it."""

    def answer() -> None:
        try:
            answer_questions(lambda seconds: {"cpu": cpu_seconds()}, {"port": port})  # noqa: ARG005
        finally:
            # The bench has hung up: end whatever the server is doing.
            os._exit(0)

    threading.Thread(target=answer, daemon=True).start()


if __name__ == "__main__":
    main()
