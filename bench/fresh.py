"""What a new process pays once: `python -m bench.fresh import|first-call KIND [TARGET]`.

It says on one line how long it took, without the start of the interpreter.
"""

from __future__ import annotations

import importlib
import sys
import time

_BRIDGE = ["grpc_bridge", "grpc_bridge._api"]
MODULES = {
    "grpcio-sync": ["grpc"],
    "grpc-aio": ["grpc.aio"],
    "bridge-async": _BRIDGE,
    "bridge-sync": _BRIDGE,
    "grpclib": ["grpclib.client", "grpclib.server"],
    "connectrpc": ["connectrpc.client"],
}
"""What a program that makes channels comes to import; ours is lazy, so the part with channels is named."""


def main(what: str, kind: str, target: str = "") -> None:
    try:
        elapsed, cpu = _import(kind) if what == "import" else _first_call(kind, target)
    except ImportError as error:
        from .workers import say_absent

        say_absent(error)
    else:
        print(f'{{"elapsed": {elapsed}, "cpu": {cpu}}}', flush=True)


def _import(kind: str) -> tuple[float, float]:
    # Nothing may be imported before that the library under measurement might import, too.
    start, cpu = time.perf_counter(), time.process_time()
    for module in MODULES[kind]:
        importlib.import_module(module)
    return time.perf_counter() - start, time.process_time() - cpu


def _first_call(kind: str, target: str) -> tuple[float, float]:
    import asyncio

    from .messages import codec
    from .peers import peer

    _import(kind)
    library, coding = peer(kind), codec("raw")
    request = coding.make_request(64)
    loop = asyncio.new_event_loop()

    async def call() -> None:
        await library.connect(target, coding).unary(request)

    start, cpu = time.perf_counter(), time.process_time()
    if library.is_async:
        loop.run_until_complete(call())
    else:
        library.connect(target, coding).unary(request)
    return time.perf_counter() - start, time.process_time() - cpu


if __name__ == "__main__":
    main(*sys.argv[1:])
