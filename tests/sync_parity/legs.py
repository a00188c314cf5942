"""The three runs of a scenario: as written on grpcio, as written on grpc_bridge, migrated on grpc_bridge.

A run never raises and never hangs: it hands back what was recorded, how it failed if it did, and everything
that warned or died unseen meanwhile. Each run executes its own copy of the scenario's source, in a module of
its own, from a file under build/sync_parity/<leg>/ that one can open after a failure.
"""

from __future__ import annotations

import asyncio
import faulthandler
import functools
import gc
import inspect
import logging
import os
import re
import sys
import tempfile
import threading
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .record import Observation, Recorder

GRPCIO, THREADS, COROUTINE = "grpcio", "threads", "coroutine"
LEGS = (GRPCIO, THREADS, COROUTINE)

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = Path(__file__).parent / "scenarios"
TIMEOUT = 15.0
"""Seconds; a scenario takes well under one."""

IMPORT_GRPC = re.compile(r"^import grpc$", re.MULTILINE)
STAYS_SYNC = re.compile(r"^STAYS_SYNC = \"(GB\d+)\"$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    leg: str
    observations: tuple[Observation, ...]
    failure: str | None
    """The traceback that ended the run, or the stacks of a run that did not end."""
    complaints: tuple[str, ...]
    """Warnings, exceptions that nothing caught, errors that asyncio logged."""


def scenario_names() -> list[str]:
    return sorted(path.stem for path in SCENARIOS.glob("*.py") if path.stem != "__init__")


@functools.cache
def cached_run(name: str, leg: str) -> Run:
    """One run of the leg in this session: the reference, and the other columns of a failure message."""
    return run(name, leg)


def run(name: str, leg: str) -> Run:
    try:
        source = translate((SCENARIOS / f"{name}.py").read_text(encoding="utf-8"), name, leg)
    except Exception:
        return Run(leg, (), traceback.format_exc(), ())
    return execute(source, name, leg)


def execute(
    source: str,
    name: str,
    leg: str,
    timeout: float = TIMEOUT,
    before_main: Callable[[types.ModuleType], object] = id,
) -> Run:
    """Run `source`, which is in this leg's form already; `before_main` is shown the module."""
    recorder = Recorder()
    try:
        module = _load(source, name, leg)
    except Exception:
        return Run(leg, (), traceback.format_exc(), ())
    before_main(module)
    with _complaints() as complaints:
        failure = _run_in_thread(lambda: _call_main(module, leg, recorder), timeout)
        # What is collected late would complain in the next run.
        gc.collect()
    sys.modules.pop(module.__name__, None)
    return Run(leg, recorder.observations(), failure, tuple(complaints))


def translate(source: str, name: str, leg: str) -> str:
    if leg == GRPCIO:
        return source
    if leg == COROUTINE:
        return migrated(source, name)
    text, count = IMPORT_GRPC.subn("import grpc_bridge as grpc", source)
    if count != 1:
        raise ValueError(f"scenario {name}: `import grpc` must stand on one line of its own, found {count}")
    return text


def migrated(source: str, name: str) -> str:
    """The scenario as our codemod rewrites it; it finds the stubs that the scenario imports by itself."""
    from grpc_bridge.codemod.runner import migrate

    path = _write(source, name, "original")
    result = migrate([path])
    if result.failed:
        raise ValueError(f"the codemod failed: {result.failed}")
    stays_sync = STAYS_SYNC.search(source)
    if stays_sync and not any(
        finding.rule == stays_sync[1] and finding.message.startswith("main stays sync")
        for finding in result.findings
    ):
        raise ValueError(f"scenario {name}: no {stays_sync[1]} says that main stays sync")
    return result.changed.get(path, source)


def _write(source: str, name: str, leg: str) -> Path:
    path = ROOT / "build" / "sync_parity" / leg / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: another worker of pytest-xdist may be reading the same scenario.
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(source, encoding="utf-8")
    return part.replace(path)


def _load(source: str, name: str, leg: str) -> types.ModuleType:
    path = _write(source, name, leg)
    module = types.ModuleType(f"{leg}_{name}".replace("/", "_"))
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def _call_main(module: types.ModuleType, leg: str, recorder: Recorder) -> None:
    is_coroutine = inspect.iscoroutinefunction(module.main)
    if leg != COROUTINE:
        module.main(recorder)
    elif is_coroutine:
        asyncio.run(_watched(module.main, recorder))
    elif hasattr(module, "STAYS_SYNC"):
        # A correct cut: what the codemod leaves sync runs where it may block.
        module.main(recorder)
    else:
        raise TypeError("the codemod left `def main` as it was: there is nothing to run in a coroutine")


_running_loops: set[asyncio.AbstractEventLoop] = set()


async def _watched(main: Callable[[Recorder], object], recorder: Recorder) -> None:
    loop = asyncio.get_running_loop()
    # In debug mode a loop complains of 0.1 s: less than a busy machine can take from any step.
    loop.slow_callback_duration = TIMEOUT
    _running_loops.add(loop)
    try:
        await main(recorder)  # type: ignore[misc]
        # A call that was dropped without being awaited says so while its loop still runs.
        gc.collect()
    finally:
        _running_loops.discard(loop)


def _run_in_thread(body: Callable[[], None], timeout: float) -> str | None:
    """Run `body` where it may block, for `timeout` seconds at most; the reason why it failed, or None."""
    failures: list[str] = []

    def guarded() -> None:
        try:
            body()
        except BaseException:
            failures.append(traceback.format_exc())

    thread = threading.Thread(target=guarded, name="scenario", daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        stacks = _stacks()
        for loop in list(_running_loops):
            for task in asyncio.all_tasks(loop):
                loop.call_soon_threadsafe(task.cancel)
        thread.join(1.0)
        return f"still running after {timeout:g} s\n{stacks}"
    return failures[0] if failures else None


def _stacks() -> str:
    """What every thread and every task of a running scenario is doing."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        text = file.read()
    tasks = [task for loop in list(_running_loops) for task in asyncio.all_tasks(loop)]
    return text + "".join(map(_task_stack, tasks))


def _task_stack(task: asyncio.Task[object]) -> str:
    """Every frame down to the one that waits; `Task.print_stack` stops at the first."""
    lines = [f"Task {task.get_name()}, from the outside in:\n"]
    awaited: Any = task.get_coro()
    while frame := getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None):
        lines.append(
            f'  File "{frame.f_code.co_filename}", line {frame.f_lineno} in {frame.f_code.co_name}\n'
        )
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return "".join([*lines, f"  which waits for {awaited!r}\n"])


class _Collector(logging.Handler):
    """Gathers what would otherwise pass unseen: one list, filled by the hooks of four modules."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.complaints: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.complaints.append(f"asyncio logged: {self.format(record)}")

    def thread_died(self, args: threading.ExceptHookArgs) -> None:
        text = "".join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback))
        self.complaints.append(f"thread {args.thread and args.thread.name} died:\n{text}")

    def unraisable(self, args: sys.UnraisableHookArgs) -> None:
        text = "".join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback))
        self.complaints.append(f"{args.err_msg or 'exception ignored in'} {args.object!r}:\n{text}")

    def warned(self, message: Warning | str, category: type[Warning], filename: str, lineno: int) -> None:
        self.complaints.append(f"{filename}:{lineno}: {category.__name__}: {message}")


@contextmanager
def _complaints() -> Iterator[list[str]]:
    collector = _Collector()
    thread_hook, unraisable_hook = threading.excepthook, sys.unraisablehook
    logger = logging.getLogger("asyncio")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, category, filename, lineno, *_: collector.warned(
            message, category, filename, lineno
        )
        threading.excepthook, sys.unraisablehook = collector.thread_died, collector.unraisable
        logger.addHandler(collector)
        try:
            with _logged_as_text("grpc"), _logged_as_text("grpc_bridge"):
                yield collector.complaints
        finally:
            logger.removeHandler(collector)
            threading.excepthook, sys.unraisablehook = thread_hook, unraisable_hook


@contextmanager
def _logged_as_text(name: str) -> Iterator[None]:
    """Print what is logged at once.

    pytest keeps log records, and with their tracebacks whatever a run left over, to complain in the next run.
    """
    logger, handler = logging.getLogger(name), logging.StreamHandler()
    propagates = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = propagates
        logger.removeHandler(handler)
