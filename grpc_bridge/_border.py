"""Where the sync and the async world meet: which one the caller is in, and how to cross.

A call made in a coroutine is async, unless the code says otherwise: inside ``with blocking():`` and
inside a callback that was written for grpcio it is sync. Neither leaks into tasks started there.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import inspect
import logging
import re
import sys
import threading
import time
import types
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Iterator
from typing import Any, Generic, TypeVar

from grpc_bridge import _fork
from grpc_bridge._errors import BlockingCallWarning, WouldDeadlock

T = TypeVar("T")

_LOGGER = logging.getLogger("grpc_bridge")


class _SyncScopes(threading.local):
    """How many callbacks of the sync world are running on this thread, one inside the other."""

    depth = 0


_scopes = _SyncScopes()
# The task for which ``blocking()`` holds, or _NO_TASK for code that runs outside any task. A task that
# is started inside inherits the variable but is another task, and so is not bound by it.
_blocking_for: contextvars.ContextVar[object] = contextvars.ContextVar("grpc_bridge_blocking", default=None)
_NO_TASK = object()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop on which the caller could await; None where calls are to block."""
    loop = asyncio._get_running_loop()
    if loop is None or _scopes.depth:
        return None
    owner = _blocking_for.get()
    if owner is not None and owner is (asyncio.current_task(loop) or _NO_TASK):
        return None
    return loop


@contextlib.contextmanager
def blocking() -> Iterator[None]:
    """Inside, calls behave as in a plain thread, even where an event loop is running.

    For legacy code that has to run on a loop's thread. A call in it blocks that loop, and warns with
    ``BlockingCallWarning``; one that the same loop would have to answer raises ``WouldDeadlock``. It holds
    for the task that enters it, not for tasks that are started inside; in a thread without a loop it changes
    nothing. Also a decorator, as in ``@blocking()``, for a function that nobody awaits: a ``__del__``, or a
    signal handler.
    """
    loop = asyncio._get_running_loop()
    owner = _NO_TASK if loop is None else asyncio.current_task(loop) or _NO_TASK
    token = _blocking_for.set(owner)
    try:
        yield
    finally:
        _blocking_for.reset(token)


@contextlib.contextmanager
def sync_scope() -> Iterator[None]:
    """The sync context, for a function that cannot await: a callback or an interceptor."""
    _scopes.depth += 1
    try:
        yield
    finally:
        _scopes.depth -= 1


@contextlib.contextmanager
def async_scope() -> Iterator[None]:
    """Leave the sync context of the function that runs; for what calls back into async code from it."""
    depth, _scopes.depth = _scopes.depth, 0
    try:
        yield
    finally:
        _scopes.depth = depth


# The ports of servers that run on a loop; a blocking call to one of them, on that loop, would never end.
_ports_served: dict[tuple[asyncio.AbstractEventLoop, int], None] = {}

_HERE = re.compile(
    r"(?:ipv4:|ipv6:|dns:(?:///)?)?(?:localhost|127\.[\d.]+|\[?::1\]?|0\.0\.0\.0|\[::\]):(\d+)$"
)


def serving(loop: asyncio.AbstractEventLoop, ports: Iterable[int]) -> None:
    """A server of this loop listens on these ports."""
    for port in ports:
        _ports_served[loop, port] = None


def serving_no_more(loop: asyncio.AbstractEventLoop, ports: Iterable[int]) -> None:
    """Undo `serving`."""
    for port in ports:
        _ports_served.pop((loop, port), None)


def warn_if_blocking(method: str, target: str) -> None:
    """For a sync call that is about to be made: warn if the thread is a running loop's.

    Raises ``WouldDeadlock`` if that loop would have to answer the call itself.
    """
    loop = asyncio._get_running_loop()
    if loop is not None:
        here = _HERE.match(target)
        if here is not None and (loop, int(here[1])) in _ports_served:
            raise WouldDeadlock(
                f"a blocking call of {method} would wait for a server on the event loop of this very thread; "
                f"await the call, or make it in another thread{sync_way()}"
            )
        warnings.warn(
            f"a blocking call of {method} holds up the event loop of this thread; in a coroutine, await it "
            "(`await stub.Method(...)`), or move the code to a thread with `await asyncio.to_thread(...)`",
            BlockingCallWarning,
            stacklevel=4,  # past the multi-callable's method and its signature
        )


def user_frame() -> str | None:
    """File and line of the innermost frame that is not of this package's."""
    frame: types.FrameType | None = sys._getframe()
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith("grpc_bridge."):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None


_COROUTINE = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
_PARTS_OF_FUNCTIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


def sync_way() -> str:
    """The end of a message: which function has to become a coroutine for the caller to await.

    That is the outermost of those between the caller and the coroutine, or the loop, that runs them; it is
    far away where a wait hides deep in sync code. Nothing where the caller is a coroutine itself.
    """
    frame: types.FrameType | None = sys._getframe(1)
    outermost = coroutine = None
    while frame is not None and coroutine is None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("asyncio."):
            break
        if not module.startswith("grpc_bridge."):
            if frame.f_code.co_flags & _COROUTINE:
                coroutine = frame.f_code
            elif frame.f_code.co_name not in _PARTS_OF_FUNCTIONS:
                outermost = frame.f_code
        frame = frame.f_back
    if outermost is None:
        return ""
    caller = "the event loop" if coroutine is None else f"the coroutine {coroutine.co_name}"
    place = f"{outermost.co_filename}:{outermost.co_firstlineno}"
    name = f"{outermost.co_name} ({place})"
    return f"; the function that has to become a coroutine is {name}, which {caller} calls"


def run_callback(callback: Callable[[], object]) -> None:
    """Run a callback that was written for grpcio; an exception in it is logged, as grpcio does."""
    try:
        with sync_scope():
            callback()
    except Exception:
        _LOGGER.exception("Exception in callback %r", callback)


class Done(Generic[T]):
    """What a method returns in a coroutine when it has done its work without waiting."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, None, T]:
        return self.value
        yield  # makes this a generator


def wake(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None]) -> None:
    """Resolve a future of a loop, from any thread; nothing happens if the loop is closed: nobody waits."""
    call_in(loop, settle, waiter)


def call_in(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: Any) -> None:
    """Call something on a loop's thread, from any thread; nothing happens if the loop is closed."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


def settle(waiter: asyncio.Future[None]) -> None:
    """Resolve a future on its own loop's thread, if somebody still waits for it."""
    if not waiter.done():
        waiter.set_result(None)


# How long the main thread waits in one go. Python runs handlers of signals there only, and a wait without
# end does not notice one that another thread was given, or that came just before the wait; grpcio's own
# waits are cut up for the same reason.
SIGNAL_SECONDS = 0.1


def wait_on_gate(gate: threading.Lock, timeout: float | None) -> bool:
    """Wait, at most `timeout` seconds, for someone to release a lock; the main thread hears signals."""
    if threading.current_thread() is not threading.main_thread():
        return gate.acquire(timeout=-1 if timeout is None else max(timeout, 0))
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        remaining = SIGNAL_SECONDS if deadline is None else deadline - time.monotonic()
        if gate.acquire(timeout=max(0, min(remaining, SIGNAL_SECONDS))):
            return True
        if remaining <= 0:
            return False


async def within(timeout: float | None, awaitable: Awaitable[T]) -> T:
    """Await it for at most `timeout` seconds; raises ``asyncio.TimeoutError`` after that.

    Until Python 3.12 `asyncio.wait_for` loses a cancellation that comes together with the result.
    """
    if timeout is None:
        return await awaitable
    future = asyncio.ensure_future(awaitable)
    try:
        await asyncio.wait((future,), timeout=timeout)
        if not future.done():
            future.cancel()
            await asyncio.wait((future,))
            raise asyncio.TimeoutError()
        return future.result()
    finally:
        future.cancel()


class LoopThread:
    """An event loop on a thread of its own, for programs that have none."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            try:
                tasks = asyncio.all_tasks(self.loop)
                for task in tasks:
                    task.cancel()
                self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
                self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            finally:
                self.loop.close()

    def stop(self) -> None:
        """Have the loop and its thread end, from any thread; tasks that still run are cancelled."""
        call_in(self.loop, self.loop.stop)


# A signal handler may need the loop while this thread is starting it.
_background_lock = threading.RLock()
_background: LoopThread | None = None


def _forget_background() -> None:
    # After a fork: the parent's thread does not run here.
    global _background, _background_lock
    _fork.leave_behind(_background)
    _background, _background_lock = None, threading.RLock()


_fork.register(after_in_child=_forget_background)


def background_loop() -> asyncio.AbstractEventLoop:
    """The process's own loop for async code that sync code calls."""
    global _background
    with _background_lock:
        if _background is None or _background.loop.is_closed():
            started = LoopThread("grpc_bridge.run")
            if _background is None or _background.loop.is_closed():
                _background = started
            else:
                started.stop()
        return _background.loop


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable


def run(awaitable: Awaitable[T]) -> T:
    """Wait, in a plain thread, for something awaitable, and return its value or raise its exception.

    The awaitable runs on a background loop of grpc_bridge, one for the whole process, in a copy of the
    caller's context. There is no timeout: put the awaitable into ``asyncio.wait_for``. If the wait is broken
    off, by Ctrl-C, the coroutine is cancelled. Where a loop is running this raises ``RuntimeError``:
    ``await`` the thing there instead.
    """
    if asyncio._get_running_loop() is not None:
        if inspect.iscoroutine(awaitable):
            awaitable.close()
        raise RuntimeError(
            "grpc_bridge.run() was called on the thread of a running event loop, which it would block; "
            "await the coroutine there, or move the sync code to a thread with `await asyncio.to_thread(...)`"
            + sync_way()
        )
    coroutine: Coroutine[Any, Any, T] = awaitable if inspect.iscoroutine(awaitable) else _await(awaitable)
    return run_on(background_loop(), coroutine)


def run_on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Wait, on a thread that is not the loop's, for a coroutine that runs on the loop."""
    future: concurrent.futures.Future[T] = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        if threading.current_thread() is threading.main_thread():
            while not future.done():
                concurrent.futures.wait((future,), SIGNAL_SECONDS)
        return future.result()
    except BaseException:
        future.cancel()
        raise


def run_in_background(coroutine: Coroutine[Any, Any, T]) -> T:
    """`run` for a blocking call, which may be made on a loop's thread, under ``blocking()``."""
    loop = background_loop()
    if asyncio._get_running_loop() is loop:
        coroutine.close()
        raise WouldDeadlock(
            "a blocking call on grpc_bridge's background loop would wait for that loop; await it"
        )
    return run_on(loop, coroutine)
