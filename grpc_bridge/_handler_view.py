"""A handler as an interceptor of the other colour sees it.

A sync interceptor that wraps an async handler calls it, and uses what it returns, as if it were a plain
function or generator. That wrapper runs on the loop, in a greenlet that stands aside where the handler has to
be awaited (see `_bridge`): no thread is held. An async interceptor that wraps a sync handler awaits it, or
iterates over it, while the handler runs in the pool.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from concurrent import futures
from typing import Any, TypeVar

import grpc

from grpc_bridge._border import running_loop
from grpc_bridge._bridge import can_wait_here, run_sync, wait_here
from grpc_bridge._grpc_types import RpcMethodHandler
from grpc_bridge._handler import RequestIterator, behavior_of, calling_back, runs_on_loop, with_behavior
from grpc_bridge._stream import async_iterator

T = TypeVar("T")
Behavior = Callable[..., Any]
Find = Callable[[grpc.HandlerCallDetails], Any]

_END: Any = object()
# The attribute of a view that holds what it is a view of.
_ORIGINAL = "_grpc_bridge_original"


class Views:
    """Makes the views of one server's handlers."""

    def __init__(self, pool: futures.Executor, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.pool = pool
        self.loop = loop

    def for_sync(self, find: Find) -> SyncView:
        """What a sync interceptor is to find."""
        return SyncView(self, find)

    def for_async(self, find: Find) -> AsyncView:
        """What an async interceptor is to find."""
        return AsyncView(self, find)


class _View:
    """One interceptor's view of one RPC's handler."""

    def __init__(self, views: Views, find: Find) -> None:
        self._views = views
        self._find = find

    def _settled(self, handler: Any) -> tuple[Any, bool]:
        # A handler that comes back as it was given out is itself.
        original = None if handler is None else getattr(behavior_of(handler), _ORIGINAL, None)
        return (handler, False) if original is None else (with_behavior(handler, original), True)


class SyncView(_View):
    """A sync interceptor's."""

    _covers_async = False

    def find(self, details: grpc.HandlerCallDetails) -> Any:
        """The interceptor's continuation."""
        handler = self._find(details)
        if inspect.isawaitable(handler):
            handler = wait_here(handler)
        if handler is None or not runs_on_loop(behavior_of(handler)):
            return handler
        self._covers_async = True
        behavior = _as_sync(handler, self._views.loop)
        setattr(behavior, _ORIGINAL, behavior_of(handler))
        return with_behavior(handler, behavior)

    def settle(self, handler: Any) -> Any:
        """The handler to go on with, from the one that the interceptor has returned."""
        handler, untouched = self._settled(handler)
        if handler is None or untouched or not self._covers_async or runs_on_loop(behavior_of(handler)):
            return handler
        return with_behavior(handler, _driven(handler))


class AsyncView(_View):
    """An async interceptor's."""

    async def find(self, details: grpc.HandlerCallDetails) -> Any:
        """The interceptor's continuation."""
        handler = self._find(details)
        if inspect.isawaitable(handler):
            handler = await handler
        if handler is None or runs_on_loop(behavior_of(handler)):
            return handler
        behavior = _as_async(handler, self._views.pool)
        setattr(behavior, _ORIGINAL, behavior_of(handler))
        return with_behavior(handler, behavior)

    def settle(self, handler: Any) -> Any:
        """The handler to go on with, from the one that the interceptor has returned."""
        return self._settled(handler)[0]


# ---- an async handler in a sync wrapper --------------------------------------------------------------


def _as_sync(handler: RpcMethodHandler, loop: Callable[[], asyncio.AbstractEventLoop]) -> Behavior:
    """The behavior of an async handler for sync code that a greenlet runs, or another thread."""
    behavior = behavior_of(handler)

    def wait(awaitable: Awaitable[T]) -> T:
        if can_wait_here():
            return wait_here(awaitable)
        return asyncio.run_coroutine_threadsafe(_await(awaitable), loop()).result()

    def view(argument: Any, context: Any) -> Any:
        if not can_wait_here() and running_loop() is not None:
            # A wrapper that is async after all, and awaits.
            return behavior(argument, context)
        if handler.request_streaming and async_iterator(argument) is None:
            argument = _Awaited(iter(argument))
        result = behavior(argument, context)
        if inspect.isawaitable(result):
            result = wait(result)
        responses = async_iterator(result) if handler.response_streaming else None
        return result if responses is None else _Waited(responses, wait)

    return view


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable


class _Awaited:
    """A sync iterator that waits in greenlets, for ``async for``."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self.iterator = iterator

    def __aiter__(self) -> _Awaited:
        return self

    async def __anext__(self) -> Any:
        item = run_sync(next, self.iterator, _END)
        if inspect.isawaitable(item):
            item = await item
        if item is _END:
            raise StopAsyncIteration
        return item


class _Waited:
    """An async iterator for ``for``, in a greenlet or another thread; and for ``async for`` as it was."""

    def __init__(self, iterator: AsyncIterator[Any], wait: Callable[[Awaitable[Any]], Any]) -> None:
        self._iterator = iterator
        self._wait = wait

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterator

    def __iter__(self) -> _Waited:
        return self

    def __next__(self) -> Any:
        try:
            return self._wait(self._iterator.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None


def _waited(requests: Any) -> Any:
    if isinstance(requests, _Awaited):
        return requests.iterator
    iterator = async_iterator(requests)
    return requests if iterator is None else _Waited(iterator, wait_here)


def _driven(handler: RpcMethodHandler) -> Behavior:
    """A sync wrapper around an async handler, as an async behavior."""
    wrapper = behavior_of(handler)

    async def answer(argument: Any, context: Any) -> Any:
        if handler.request_streaming and not isinstance(argument, RequestIterator):
            argument = _waited(argument)
        response: Any = run_sync(wrapper, argument, context)
        return await response if inspect.isawaitable(response) else response

    async def stream(argument: Any, context: Any) -> AsyncIterator[Any]:
        responses: Any = await answer(argument, context)
        if responses is None:
            return
        iterator = async_iterator(responses)
        if iterator is None:
            responses = iter(responses)
            iterator = _Awaited(responses)
        try:
            async for response in iterator:
                yield response
        finally:
            if isinstance(responses, Generator):
                closed: Any = run_sync(responses.close)
                if closed is not None:
                    await closed

    return stream if handler.response_streaming else answer


# ---- a sync handler in an async wrapper --------------------------------------------------------------


def _as_async(handler: RpcMethodHandler, pool: futures.Executor) -> Behavior:
    """The behavior of a handler that runs in the pool, for code that awaits it."""
    behavior = behavior_of(handler)
    if handler.response_streaming and getattr(behavior, "experimental_non_blocking", False):
        return calling_back(behavior, pool)

    async def answer(argument: Any, context: Any) -> Any:
        return await _call_in_pool(handler, argument, context, _InPool(pool))

    async def stream(argument: Any, context: Any) -> AsyncIterator[Any]:
        in_pool = _InPool(pool)
        responses = await _call_in_pool(handler, argument, context, in_pool)
        if responses is None:
            return
        iterator = async_iterator(responses)
        if iterator is not None:
            async for response in iterator:
                yield response
            return
        responses = iter(responses)
        try:
            while (response := await in_pool(next, responses, _END)) is not _END:
                yield response
        finally:
            if isinstance(responses, Generator):
                await in_pool(responses.close)

    return stream if handler.response_streaming else answer


async def _call_in_pool(handler: RpcMethodHandler, argument: Any, context: Any, in_pool: _InPool) -> Any:
    if handler.request_streaming and not isinstance(argument, RequestIterator):
        requests = async_iterator(argument)
        if requests is not None:
            argument = FromLoop(requests, asyncio.get_running_loop())
    result = await in_pool(behavior_of(handler), argument, context)
    return await result if inspect.isawaitable(result) else result


class _InPool:
    """Calls in a pool, one after the other, that share the context variables of whoever makes the first."""

    def __init__(self, pool: futures.Executor) -> None:
        self._pool = pool
        self._variables = contextvars.copy_context()
        self._last: futures.Future[Any] | None = None

    async def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if self._last is not None and not self._last.done():
            # Whoever waited for it was cancelled; what is next, the end of a generator, comes after it.
            await asyncio.wait([asyncio.wrap_future(self._last)])
        self._last = self._pool.submit(self._variables.run, function, *arguments)
        # A worker cannot be stopped; nor is its future to be cancelled, by which its end is known.
        return await asyncio.shield(asyncio.wrap_future(self._last))


class FromLoop:
    """An async iterator of the loop's, for ``for`` in a thread of the pool."""

    def __init__(self, iterator: AsyncIterator[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._iterator = iterator
        self._loop = loop

    def __iter__(self) -> FromLoop:
        return self

    def __next__(self) -> Any:
        future = asyncio.run_coroutine_threadsafe(_await(self._iterator.__anext__()), self._loop)
        try:
            return future.result()
        except StopAsyncIteration:
            raise StopIteration from None
        except futures.CancelledError:
            raise grpc.RpcError from None
