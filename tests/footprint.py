"""What a process holds: what must be the same after a load as before it."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True)
class Footprint:
    """Counts that a load leaves as they were."""

    threads: int
    sockets: int
    tasks: int
    objects: dict[str, int]
    """Of the package's own, by class."""

    def grown_to(self, later: Footprint) -> dict[str, tuple[int, int]]:
        """What there is more of later, from and to."""
        before, after = self._counts(), later._counts()
        return {
            name: (before.get(name, 0), count) for name, count in after.items() if count > before.get(name, 0)
        }

    def _counts(self) -> dict[str, int]:
        return {"threads": self.threads, "sockets": self.sockets, "tasks": self.tasks, **self.objects}

    def __str__(self) -> str:
        return (
            f"{self.threads} threads, {self.sockets} sockets, {self.tasks} tasks, "
            f"{sum(self.objects.values())} objects of grpc_bridge"
        )


def footprint() -> Footprint:
    """Of this process, now, after a collection. Tasks are those of the running loop."""
    gc.collect()
    objects = Counter(
        name for name in (_name(type(one)) for one in gc.get_objects()) if name.startswith("grpc_bridge.")
    )
    tasks = 0 if asyncio._get_running_loop() is None else len(asyncio.all_tasks())
    return Footprint(threading.active_count(), sockets(), tasks, dict(objects))


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def sockets() -> int:
    """Open sockets of this process."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            count += os.readlink(descriptor).startswith("socket:")
        except OSError:
            pass  # the one that the folder was read with
    return count


def resident() -> int:
    """Bytes of memory that are this process's and in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def flat(before: Footprint, seconds: float, besides: Iterable[str] = ()) -> None:
    """Return when nothing is left of what came after `before`, `besides` some; fail after so many seconds.

    The server has the last word of an RPC, which the client does not wait for.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while grown := {
        name: counts for name, counts in before.grown_to(footprint()).items() if name not in besides
    }:
        assert loop.time() < end, f"more than before: {grown}; {threading.enumerate()}"
        await asyncio.sleep(0.1)
