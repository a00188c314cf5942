"""Streams of messages, in and out: every kind of iterator that a program may hand over.

An async iterator runs on the loop. A sync iterator may block (``iter(queue.get, None)``), so it runs on
a thread of its own, one message ahead of the wire; containers, which cannot block, are read inline.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from grpc_bridge._cy.client_call import ClientCall

_LOGGER = logging.getLogger("grpc_bridge")

_UNKNOWN = 2
_INTERNAL = 13
# How often a thread that waits for its loop to take a request looks whether there still is one.
_LOOK_UP_SECONDS = 1.0


def async_iterator(source: Any) -> AsyncIterator[Any] | None:
    """An async iterator over `source`, or None if it is not of the async kind.

    An object with ``__anext__`` alone will do.
    """
    if hasattr(source, "__aiter__"):
        return source.__aiter__()  # type: ignore[no-any-return]
    if hasattr(source, "__anext__"):
        return source  # type: ignore[no-any-return]
    return None


def cannot_block(source: Any) -> bool:
    """Whether iterating takes no time: a container that knows its size."""
    return hasattr(source, "__len__")


def feed(core: ClientCall, requests: Any) -> None:
    """Send what `requests` yields, then end the call's request stream. None: the user writes by hand."""
    if requests is None:
        return
    iterator = async_iterator(requests)
    if iterator is not None:
        task = core.loop.create_task(_feed_async(core, iterator))
        core.add_callback(_Canceller(task))
    elif cannot_block(requests):
        task = core.loop.create_task(_feed_container(core, requests))
        core.add_callback(_Canceller(task))
    else:
        try:
            sync_iterator = iter(requests)
        except TypeError:
            core.cancel_call(_INTERNAL, "request iterator expected")
            raise TypeError(
                f"{core.method}: the requests must be an iterator, an iterable or their async kinds, "
                f"not {type(requests).__name__}"
            ) from None
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run,
            args=(_feed_from_thread, core, sync_iterator),
            name=f"grpc_bridge requests of {core.method}",
            daemon=True,
        ).start()


class _Canceller:
    """Stops the feeding task when the call ends first."""

    __slots__ = ("task",)

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.task = task

    def __call__(self) -> None:
        if not self.task.done():
            self.task.cancel()


async def _feed_async(core: ClientCall, iterator: AsyncIterator[Any]) -> None:
    thrown_away = False
    try:
        while True:
            try:
                request = await iterator.__anext__()
            except StopAsyncIteration:
                break
            if not await _write(core, request):
                return
    except asyncio.CancelledError:
        if core.code == -1:
            core.cancel_call(_UNKNOWN, "Exception iterating requests!")
        raise
    except GeneratorExit:
        core.cancel_soon()
        thrown_away = True
        raise
    except BaseException as error:
        _iteration_failed(core, error)
        _raise_if_it_ends_the_program(error)
        return
    finally:
        aclose = getattr(iterator, "aclose", None)
        if aclose is not None and core.code != -1 and not thrown_away:
            await aclose()
    core.write_end()


async def _feed_container(core: ClientCall, requests: Any) -> None:
    try:
        for request in requests:
            if not await _write(core, request):
                return
    except asyncio.CancelledError:
        raise
    except GeneratorExit:
        # The feeding task is thrown away, with its loop: the rest of the requests never comes.
        core.cancel_soon()
        raise
    except BaseException as error:
        _iteration_failed(core, error)
        _raise_if_it_ends_the_program(error)
        return
    core.write_end()


async def _write(core: ClientCall, request: Any) -> bool:
    try:
        written = core.write(request)
    except BaseException as error:
        _serialization_failed(core, error)
        _raise_if_it_ends_the_program(error)
        return False
    return await written


def _raise_if_it_ends_the_program(error: BaseException) -> None:
    # Nobody waits for what feeds a call: any other exception is told by the call's end.
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        raise error


def _iteration_failed(core: ClientCall, error: BaseException) -> None:
    _LOGGER.error("Exception iterating requests!", exc_info=error)
    if core.code == -1:
        core.cause = error
        core.cancel_call(_UNKNOWN, "Exception iterating requests!")


def _serialization_failed(core: ClientCall, error: BaseException) -> None:
    _LOGGER.error("Exception serializing message!", exc_info=error)
    if core.code == -1:
        core.cause = error
        core.cancel_call(_INTERNAL, "Exception serializing request!")


# ---- a sync iterator, on a thread of its own ---------------------------------------------------------


def _feed_from_thread(core: ClientCall, iterator: Iterator[Any]) -> None:
    taken = threading.Event()
    ended = False

    def on_end() -> None:
        nonlocal ended
        ended = True
        taken.set()

    def watch() -> None:
        if not core.add_callback(on_end):
            on_end()

    core.defer(watch)
    while not ended:
        try:
            request = next(iterator)
        except StopIteration:
            core.defer(core.write_end)
            return
        except BaseException as error:
            core.defer(_bound(_iteration_failed, core, error))
            return
        if ended:
            return
        taken.clear()
        core.defer(_bound(_write_for_thread, core, request, taken))
        while not taken.wait(_LOOK_UP_SECONDS):
            # A loop that is closed takes nothing, and tells nobody.
            if core.loop.is_closed():
                core.cancel_soon()
                return


def _bound(function: Callable[..., object], *arguments: Any) -> Callable[[], object]:
    return lambda: function(*arguments)


def _write_for_thread(core: ClientCall, request: Any, taken: threading.Event) -> None:
    try:
        written = core.write(request)
    except BaseException as error:
        _serialization_failed(core, error)
        taken.set()
        _raise_if_it_ends_the_program(error)
        return
    written.add_done_callback(lambda _: taken.set())
