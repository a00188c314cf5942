"""An adversary: the collector runs all the time, and lets other threads go on whenever it does.

For one test it is `interfering`; ``pytest -p tests.collector`` has it interfere with a whole run, and
switches threads more often, too. What fails under it fails without it, once in ten thousand times.
"""

from __future__ import annotations

import gc
import itertools
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

# Objects made between two collections. Fewer find more, and make everything slower.
EVERY = 5
EVERY_IN_A_WHOLE_RUN = 20
SWITCH_SECONDS = 1e-4


@contextmanager
def interfering(every: int = EVERY) -> Iterator[None]:
    """Collect at every few objects that are made, on whatever thread that is."""
    collections = itertools.count()

    def let_others_go(phase: str, _: dict[str, int]) -> None:
        if phase == "stop":
            # Now and then for long enough that a thread can wake up, do its work, and end.
            time.sleep(0 if next(collections) % 20 else 0.0002)

    threshold = gc.get_threshold()
    gc.callbacks.append(let_others_go)
    gc.set_threshold(every, 100, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(let_others_go)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Iterator[None]:
    """Of a run that this module is a plugin of, in each of its processes."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with interfering(EVERY_IN_A_WHOLE_RUN):
        return (yield)
