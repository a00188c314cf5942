"""The clients under measurement, each run as `python -m bench.clients KIND --target ADDRESS`.

A client keeps one channel for all its rounds and answers each question with what it did in the time given.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import time
from collections.abc import Callable
from typing import Any

from .light_client import LightClient
from .loads import MIXED_THREADS, Load, beside_cpu_work, from_tasks, from_threads
from .loops import LOOPS, new_loop
from .messages import CODECS, Codec, codec, method
from .peers import KINDS, Peer, peer
from .workers import answer_questions, cpu_seconds, say_absent

Run = Callable[..., dict[str, int]]
"""`run(shape, concurrency, seconds, busy)`: what was done, in all and by whom."""


def threads(load: Load) -> Run:
    def run(shape: str, concurrency: int, seconds: float, busy: bool) -> dict[str, int]:  # noqa: ARG001
        join = from_threads(*load.operation(shape), concurrency, time.perf_counter() + seconds)
        return {"count": join()}

    return run


def tasks(load: Load, loop: asyncio.AbstractEventLoop) -> Run:
    async def run(shape: str, concurrency: int, seconds: float, busy: bool) -> dict[str, int]:
        work = from_tasks(*load.operation(shape), concurrency, time.perf_counter() + seconds)
        return {"count": await (beside_cpu_work(work) if busy else work)}

    return lambda **question: loop.run_until_complete(run(**question))


def mixed(in_threads: Load, in_tasks: Load, loop: asyncio.AbstractEventLoop) -> Run:
    """Threads and tasks in one process; whether on one channel is up to who made the loads."""

    async def run(shape: str, concurrency: int, seconds: float, busy: bool) -> dict[str, int]:  # noqa: ARG001
        deadline = time.perf_counter() + seconds
        join = from_threads(*in_threads.operation(shape), MIXED_THREADS, deadline)
        by_tasks = await from_tasks(*in_tasks.operation(shape), concurrency, deadline)
        by_threads = join()
        return {"count": by_tasks + by_threads, "by threads": by_threads, "by tasks": by_tasks}

    return lambda **question: loop.run_until_complete(run(**question))


def light(options: argparse.Namespace, codec: Codec) -> Run:
    clients: dict[str, LightClient] = {}

    def run(shape: str, concurrency: int, seconds: float, busy: bool) -> dict[str, int]:  # noqa: ARG001
        if shape not in clients:
            path = method(shape.capitalize())
            clients[shape] = LightClient(options.target, path, codec.request_bytes(options.payload))
        return {"count": clients[shape].load(concurrency, seconds)}

    return run


def grpcio_mixed(options: argparse.Namespace, codec: Codec) -> Run:
    """What a program does today: a channel of grpcio's for its threads and one of grpc.aio's for its loop."""
    return mixed(
        _load(peer("grpcio-sync"), options, codec), _load(peer("grpc-aio"), options, codec), _loop(options)
    )


def bridge_mixed(options: argparse.Namespace, codec: Codec) -> Run:
    import grpc_bridge

    from .peers.tasks import TaskClient
    from .peers.threads import ThreadClient

    channel = grpc_bridge.insecure_channel(options.target)
    request = codec.make_request(options.payload)
    return mixed(
        Load(lambda: ThreadClient(channel, codec), False, request),
        Load(lambda: TaskClient(channel, codec), True, request),
        _loop(options),
    )


OTHERS: dict[str, Callable[[argparse.Namespace, Codec], Run]] = {
    "light": light,
    "grpcio-mixed": grpcio_mixed,
    "bridge-mixed": bridge_mixed,
}


def _run_of(options: argparse.Namespace) -> Run:
    coding = codec(options.messages)
    if options.kind in OTHERS:
        return OTHERS[options.kind](options, coding)
    library = peer(options.kind)
    load = _load(library, options, coding)
    return tasks(load, _loop(options)) if library.is_async else threads(load)


def _load(library: Peer, options: argparse.Namespace, codec: Codec) -> Load:
    connect = functools.partial(library.connect, options.target, codec)
    return Load(connect, library.is_async, codec.make_request(options.payload))


def _loop(options: argparse.Namespace) -> asyncio.AbstractEventLoop:
    loop = new_loop(options.loop)
    asyncio.set_event_loop(loop)
    return loop


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.clients", description=__doc__)
    parser.add_argument("kind", choices=[*KINDS, *OTHERS])
    parser.add_argument("--target", required=True)
    parser.add_argument("--messages", choices=CODECS, default="raw")
    parser.add_argument("--payload", type=int, default=64)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    options = parser.parse_args()
    try:
        run = _run_of(options)
    except ImportError as error:
        say_absent(error)
        return

    def answer(shape: str, concurrency: int, seconds: float, busy: bool = False) -> dict[str, Any]:
        cpu, start = cpu_seconds(), time.perf_counter()
        done = run(shape=shape, concurrency=concurrency, seconds=seconds, busy=busy)
        elapsed = time.perf_counter() - start
        return {"count": done.pop("count"), "elapsed": elapsed, "cpu": cpu_seconds() - cpu, "extra": done}

    answer_questions(answer, {})


if __name__ == "__main__":
    main()
