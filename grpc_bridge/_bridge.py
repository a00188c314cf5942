"""Running sync code that waits, on a loop's thread, without blocking the loop.

An interceptor written for grpcio may wait for what its continuation returned (``.result()``,
``.code()``, a ``for`` over responses). It runs in a greenlet: where it would wait, the greenlet stands
aside, the loop goes on, and when what it waits for has come it takes up where it stopped. One that
does not wait costs a switch there and back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from greenlet import getcurrent, greenlet

from grpc_bridge._border import async_scope, sync_scope

T = TypeVar("T")


class _Wait:
    """What a greenlet hands to the loop's side when it has to wait."""

    __slots__ = ("awaitable",)

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self.awaitable = awaitable


class _Bridge(greenlet):
    """A greenlet in which sync code may wait."""


def can_wait_here() -> bool:
    """Whether the caller is sync code that `run_sync` runs, and so may call `wait_here`."""
    return isinstance(getcurrent(), _Bridge)


def wait_here(awaitable: Awaitable[T]) -> T:
    """Wait, in sync code that `run_sync` runs, for something awaitable."""
    with async_scope():
        return cast(T, cast(greenlet, getcurrent().parent).switch(_Wait(awaitable)))


def run_sync(function: Callable[..., T], *arguments: Any) -> T | asyncio.Task[T]:
    """Call sync code in the sync context: its value, or, if it has to wait, a task that will have it."""

    def body() -> T:
        with sync_scope():
            return function(*arguments)

    bridge = _Bridge(body)
    bridge.gr_context = getcurrent().gr_context
    outcome = bridge.switch()
    if isinstance(outcome, _Wait):
        return _carried(bridge, outcome)
    return outcome  # type: ignore[no-any-return]


def _carried(bridge: _Bridge, wait: _Wait) -> asyncio.Task[Any]:
    task = asyncio.get_running_loop().create_task(_carry(bridge, wait))
    task.add_done_callback(lambda _: None if bridge.dead else _cancel(bridge, wait))
    return task


def _cancel(bridge: _Bridge, wait: _Wait) -> None:
    """Tell the sync code what its task, cancelled before its first step, could not tell it."""
    close = getattr(wait.awaitable, "close", None)
    if close is not None:
        close()
    bridge.parent = getcurrent()
    try:
        outcome = bridge.throw(asyncio.CancelledError())
    except asyncio.CancelledError:
        return
    if isinstance(outcome, _Wait):
        _carried(bridge, outcome)


async def _carry(bridge: _Bridge, wait: Any) -> Any:
    outcome = wait
    while isinstance(outcome, _Wait):
        try:
            value = await outcome.awaitable
        except BaseException as error:
            # It may have been started from inside another bridge; from now on it answers here.
            bridge.parent = getcurrent()
            outcome = bridge.throw(error)
        else:
            bridge.parent = getcurrent()
            outcome = bridge.switch(value)
    return outcome
