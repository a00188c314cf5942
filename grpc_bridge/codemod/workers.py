"""Worker processes, where there is work enough to pay for their start.

They are forked, so that they have what this process has in memory; only results travel. Where a platform
cannot fork, or one processor is all there is, the work is done here.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

_work: tuple[Callable[[Any], Any], Sequence[Any]] | None = None
"""What the workers being forked are to do."""


def count(jobs: int | None) -> int:
    """How many workers to start: as many as were asked for, or as there are processors."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return 1
    if jobs is not None:
        return jobs
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    function: Callable[[Task], Outcome], tasks: Sequence[Task], jobs: int, chunk: int = 1
) -> Iterator[Outcome]:
    """`function` of each task, in order; with more than one job, in worker processes.

    What `function` raises is raised here.
    """
    global _work
    if jobs <= 1 or len(tasks) < 2:
        yield from map(function, tasks)
        return
    _work = function, tasks
    pool = ProcessPoolExecutor(
        min(jobs, len(tasks)), mp_context=multiprocessing.get_context("fork"), initializer=_start
    )
    try:
        # The range says which task, and the workers have the tasks themselves since they were forked.
        yield from pool.map(_one, range(len(tasks)), chunksize=chunk)
    finally:
        _work = None
        pool.shutdown(cancel_futures=True)


def _start() -> None:
    # Ctrl-C is the parent's to answer; a worker that is interrupted, too, would print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _one(index: int) -> Any:
    assert _work is not None
    function, tasks = _work
    return function(tasks[index])


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from walking over and over through trees that all stay alive.

    A fifth of an analysis would go into it; what was made here is left to the collector afterwards.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
