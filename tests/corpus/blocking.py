"""Notes every blocking call that a program makes on the thread of a running loop.

Not by the clock: the calls themselves are watched, and one counts where it would really wait (a queue that is
empty, a thread that is alive). The standard library's own use of them does not.
"""

# The predicates below have the signatures of what they watch.
# ruff: noqa: ARG005
from __future__ import annotations

import asyncio
import concurrent.futures.thread
import importlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import peers

WATCHED: tuple[tuple[Any, str, Callable[..., bool]], ...] = (
    (time, "sleep", lambda seconds: seconds > 0),
    (queue.Queue, "get", lambda self, block=True, timeout=None: block and self.empty()),
    (queue.Queue, "put", lambda self, item, block=True, timeout=None: block and self.full()),
    (queue.Queue, "join", lambda self: self.unfinished_tasks > 0),
    (threading.Event, "wait", lambda self, timeout=None: not self.is_set()),
    (threading.Condition, "wait", lambda self, timeout=None: True),
    (threading.Condition, "wait_for", lambda self, predicate, timeout=None: not predicate()),
    (threading.Barrier, "wait", lambda self, timeout=None: True),
    (threading.Semaphore, "acquire", lambda self, blocking=True, timeout=None: blocking and not self._value),
    (threading.Thread, "join", lambda self, timeout=None: self.is_alive()),
    (concurrent.futures.Future, "result", lambda self, timeout=None: not self.done()),
    (concurrent.futures.Future, "exception", lambda self, timeout=None: not self.done()),
)


OWN_USE = {
    threading.__file__,  # a thread that starts, or what one watched call does inside
    concurrent.futures.thread.__file__,
    # a channel that is closed waits for its calls to be cancelled
    importlib.import_module("grpc._channel").__file__,
    importlib.import_module("grpc_bridge._channel").__file__,
}


@contextmanager
def watched(folder: str) -> Iterator[list[str]]:
    """The blocking calls that code in files under `folder` makes, or has made for it, on a loop's thread."""
    found: list[str] = []
    originals = [getattr(owner, name) for owner, name, _ in WATCHED]
    for owner, name, would_block in WATCHED:
        setattr(owner, name, _watch(getattr(owner, name), would_block, folder, found))
    try:
        yield found
    finally:
        for (owner, name, _), original in zip(WATCHED, originals, strict=True):
            setattr(owner, name, original)


def _watch(
    original: Callable[..., Any], would_block: Callable[..., bool], folder: str, found: list[str]
) -> Callable[..., Any]:
    def watching(*args: Any, **kwargs: Any) -> Any:
        if asyncio._get_running_loop() is not None and would_block(*args, **kwargs):
            place = _caller_in(folder)
            if place is not None:
                caller = sys._getframe(1)
                found.append(
                    f"{place}: {original.__qualname__} blocks the loop, called in {caller.f_code.co_filename}"
                )
        return original(*args, **kwargs)

    return watching


def _caller_in(folder: str) -> str | None:
    """The innermost frame that belongs to the program; None where there is none, or the peer itself waits."""
    frame = sys._getframe(2)
    if frame.f_code.co_filename in OWN_USE:
        return None
    while frame is not None and frame.f_code.co_filename != peers.__file__:
        if frame.f_code.co_filename.startswith(folder):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return None
