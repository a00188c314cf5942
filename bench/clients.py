"""The clients under measurement, each run as `python -m bench.clients KIND --target ADDRESS`.

A client keeps one channel for all its rounds and answers each question with what it did in the time given.
"""

from __future__ import annotations

import argparse
import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from .light_client import LightClient
from .loops import LOOPS, new_loop
from .messages import CODECS, Codec, codec, method
from .workers import answer_questions, cpu_seconds, say_absent

Load = Callable[[int, float], int]
"""Keep `concurrency` calls in flight for `seconds`; the number of calls that were answered."""

_THREADS_AT_MOST = 16


def grpcio_sync(options: argparse.Namespace, codec: Codec) -> Load:
    import grpc

    return _load_from_threads(grpc, options, codec)


def bridge_sync(options: argparse.Namespace, codec: Codec) -> Load:
    import grpc_bridge

    return _load_from_threads(grpc_bridge, options, codec)


def grpc_aio(options: argparse.Namespace, codec: Codec) -> Load:
    import grpc.aio

    return _load_from_tasks(grpc.aio, options, codec)


def bridge_async(options: argparse.Namespace, codec: Codec) -> Load:
    import grpc_bridge

    return _load_from_tasks(grpc_bridge, options, codec)


def light(options: argparse.Namespace, codec: Codec) -> Load:
    return LightClient(options.target, method("Unary"), codec.request_bytes(options.payload)).load


CLIENTS: dict[str, Callable[[argparse.Namespace, Codec], Load]] = {
    "grpcio-sync": grpcio_sync,
    "grpc-aio": grpc_aio,
    "bridge-async": bridge_async,
    "bridge-sync": bridge_sync,
    "light": light,
}


def _load_from_threads(grpc: Any, options: argparse.Namespace, codec: Codec) -> Load:
    call = _unary(grpc.insecure_channel(options.target), codec)
    request = codec.make_request(options.payload)

    def load(concurrency: int, seconds: float) -> int:
        deadline = time.perf_counter() + seconds
        counts: list[int] = []

        def work() -> None:
            count = 0
            while time.perf_counter() < deadline:
                call(request)
                count += 1
            counts.append(count)

        workers = min(concurrency, _THREADS_AT_MOST)
        threads = [threading.Thread(target=work) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(counts) != workers:
            raise RuntimeError("a call failed: its traceback is above")
        return sum(counts)

    return load


def _load_from_tasks(grpc: Any, options: argparse.Namespace, codec: Codec) -> Load:
    loop = new_loop(options.loop)
    asyncio.set_event_loop(loop)
    request = codec.make_request(options.payload)

    async def connect() -> Any:
        # grpc.aio ties a channel to the loop that runs when it is made.
        return _unary(grpc.insecure_channel(options.target), codec)

    call: Callable[[Any], Awaitable[Any]] = loop.run_until_complete(connect())

    async def work(deadline: float) -> int:
        count = 0
        while time.perf_counter() < deadline:
            await call(request)
            count += 1
        return count

    async def run(concurrency: int, seconds: float) -> int:
        deadline = time.perf_counter() + seconds
        return sum(await asyncio.gather(*[work(deadline) for _ in range(concurrency)]))

    return lambda concurrency, seconds: loop.run_until_complete(run(concurrency, seconds))


def _unary(channel: Any, codec: Codec) -> Any:
    return channel.unary_unary(
        method("Unary"), request_serializer=codec.serialize, response_deserializer=codec.parse_reply
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.clients", description=__doc__)
    parser.add_argument("kind", choices=CLIENTS)
    parser.add_argument("--target", required=True)
    parser.add_argument("--messages", choices=CODECS, default="raw")
    parser.add_argument("--payload", type=int, default=64)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    options = parser.parse_args()
    try:
        load = CLIENTS[options.kind](options, codec(options.messages))
    except ImportError as error:
        say_absent(error)
        return

    def answer(concurrency: int, seconds: float) -> dict[str, float]:
        cpu, start = cpu_seconds(), time.perf_counter()
        count = load(concurrency, seconds)
        return {"count": count, "elapsed": time.perf_counter() - start, "cpu": cpu_seconds() - cpu}

    answer_questions(answer, {})


if __name__ == "__main__":
    main()
