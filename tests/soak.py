"""Ten minutes of adversity, bounded: `make soak`. Prints what it does; the status is 1 if anything failed.

A server killed and restarted under load, 100,000 RPCs and 10,000 cancelled streams with memory, sockets,
threads, tasks and core objects flat, interpreters ended at every await point, sources broken at random, and
for the rest of the time the suite, again and again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import grpc_bridge

from .conftest import PATIENCE, AsyncEcho, Echo, Servicer, serving_here, stub_of
from .footprint import MIB, flat, footprint, resident
from .load import AT_ONCE, KINDS, ROOT, Load, ServerProcess
from .points import Points
from .protos.exchange_pb2 import Reply, Request

CONCURRENCY = 100
# A heap grows in steps, and is never handed back whole.
MEMORY_SLACK = 8 * MIB


def say(text: str) -> None:
    """One line of what is going on."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


# ---- nothing grows -----------------------------------------------------------------------------------


class Endless(AsyncEcho):
    """Streams that end when they are cancelled."""

    async def Watch(self, request, context):
        while True:
            yield Reply(number=1)
            await asyncio.sleep(0)


class EndlessFunctions(Echo):
    """The same in functions."""

    def Watch(self, request, context):
        while context.is_active():
            yield Reply(number=1)


async def ask(stub: Any, number: int) -> None:
    assert (await stub.Ask(Request(number=number))).number == number


async def cancel(stub: Any, number: int) -> None:
    call = stub.Watch(Request())
    assert (await call.read()).number == 1
    if number % 2:
        call.cancel()  # or it is dropped


async def held_flat(
    what: str, servicer: Servicer, use: Callable[[Any, int], Awaitable[None]], count: int
) -> None:
    """Do it `count` times, a hundred at a time; what the process holds has to be the same afterwards."""
    async with serving_here(servicer) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)

        async def all_of(numbers: range) -> None:
            waiting = iter(numbers)

            async def worker() -> None:
                for number in waiting:
                    await use(stub, number)

            await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))

        await all_of(range(count // 10))
        before, memory, began = footprint(), resident(), time.monotonic()
        await all_of(range(count))
        await flat(before, PATIENCE)
        grown = resident() - memory
        say(
            f"{what}: {count:,} in {time.monotonic() - began:.0f} s; before: {before}; after: {footprint()}; "
            f"memory {memory / MIB:.0f} MiB {grown / MIB:+.1f} MiB"
        )
        assert grown < MEMORY_SLACK, f"memory has grown by {grown / MIB:.0f} MiB"


async def nothing_grows() -> None:
    """100,000 RPCs and 10,000 cancelled streams, half to each colour of handler."""
    await held_flat("RPCs to coroutines", AsyncEcho(), ask, 50_000)
    await held_flat("RPCs to functions", Echo(), ask, 50_000)
    await held_flat("cancelled streams of coroutines", Endless(), cancel, 5_000)
    await held_flat("cancelled streams of functions", EndlessFunctions(), cancel, 5_000)


# ---- killed and restarted ----------------------------------------------------------------------------


async def killed_and_restarted(seconds: float) -> None:
    """Each kind of server, killed and started again under load."""
    for kind in KINDS:
        end, kills = time.monotonic() + seconds / len(KINDS), 0
        with ServerProcess(kind) as server:
            async with (
                grpc_bridge.insecure_channel(server.target, options=AT_ONCE) as channel,
                Load(stub_of(channel), 20) as load,
            ):
                while time.monotonic() < end:
                    await load.more(200)
                    await asyncio.to_thread(server.kill)
                    await asyncio.sleep(random.random() / 5)
                    await asyncio.to_thread(server.start)
                    kills += 1
                await load.more(200)
        say(
            f"{kind}: killed {kills} times; {load.answered:,} rounds answered, {load.lost:,} lost, none wrong"
        )


# ---- interpreters ------------------------------------------------------------------------------------


def interpreters_end(seconds: float) -> None:
    """A program ends at one await point after another, in the middle of everything, silently."""
    end = time.monotonic() + seconds
    for moment in Points.MOMENTS:
        command = [sys.executable, "-m", "tests.ends", moment]
        environment = {**os.environ, "GRPC_VERBOSITY": "ERROR"}
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=max(end - time.monotonic(), PATIENCE),
                check=False,
            )
        except subprocess.TimeoutExpired:
            say(f"no time for every point {moment} a wait")
            return
        assert (done.stderr, done.returncode) == ("", 0), f"{moment} a wait: {done.stdout}{done.stderr}"
        say(f"{done.stdout.strip()} interpreters ended, each {moment} another wait; all silent")


# ---- with pytest -------------------------------------------------------------------------------------


def with_pytest(seconds: float, *arguments: str, whole: bool = False) -> bool:
    """Run tests for at most so long; False if there was no time to finish."""
    environment = {**os.environ, **({"GRPC_BRIDGE_WHOLE": "1"} if whole else {})}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments]
    if whole:
        command += ["-o", "faulthandler_timeout=0"]  # takes minutes, and has a limit of its own
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    in_time = True
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        # So that it says what has failed until now.
        in_time = False
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
    print(output, flush=True)
    failed = re.findall(r"^(?:FAILED|ERROR) .*", output, re.MULTILINE)
    assert not failed, failed
    assert not in_time or process.returncode == 0, f"pytest ended with {process.returncode}"
    return in_time


def the_suite_again_and_again(end: float) -> None:
    """What is concurrent, until the time is over."""
    rounds = 0
    while (left := end - time.monotonic()) > 5 and with_pytest(left, "-n", "2", "tests/async", "tests/core"):
        rounds += 1
    say(f"the concurrent part of the suite: {rounds} whole rounds, no failure")


def main() -> int:
    """Do all of it within the time given."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    end, share = time.monotonic() + minutes * 60, minutes * 60
    steps: list[tuple[str, Callable[[], object]]] = [
        ("nothing grows", lambda: asyncio.run(nothing_grows())),
        ("killed and restarted", lambda: asyncio.run(killed_and_restarted(share * 0.15))),
        ("interpreters ended", lambda: interpreters_end(share * 0.1)),
        (
            "sources broken at random",
            lambda: with_pytest(share * 0.2, "tests/codemod/test_mutated_sources.py", whole=True),
        ),
        ("the suite, again and again", lambda: the_suite_again_and_again(end)),
    ]
    failed = []
    for name, step in steps:
        say(f"---- {name}")
        try:
            step()
        except Exception:
            traceback.print_exc()
            failed.append(name)
    say(f"FAILED: {', '.join(failed)}" if failed else "nothing hung, leaked or spoke")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
