"""CPU work that an event loop may have besides its calls."""

from __future__ import annotations

import time

SLICE = 0.001
"""Seconds that the loop of a busy client is held at a time."""
HANDLER = 0.0002
"""Seconds that the handler of `Busy` works."""


def burn(seconds: float) -> None:
    """Use the CPU, and the GIL, for this long."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def check(count: int, expected: int) -> None:
    """A benchmark of calls that do not do their work would be worth nothing."""
    if count != expected:
        raise RuntimeError(f"{count} messages came where {expected} were sent")
