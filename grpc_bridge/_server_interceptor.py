"""Server interceptors, sync and async in any mix and order, around handlers of either colour.

Each is given the handler in its own colour (see `_handler_view`), whatever stands behind it. As soon as one
has to be awaited, all run on the server's loop: the async ones as coroutines, the sync ones where they may
wait for those inside (see `_bridge`).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any, NamedTuple

import grpc
import grpc.aio

from grpc_bridge._bridge import run_sync
from grpc_bridge._handler_view import Views

Continuation = Callable[[grpc.HandlerCallDetails], Any]


class _HandlerCallDetails(NamedTuple):
    method: str
    invocation_metadata: Any


class HandlerCallDetails(_HandlerCallDetails, grpc.HandlerCallDetails):
    """What an interceptor is told of a call."""


class ServerPipeline:
    """The server's interceptors, the first outermost."""

    def __init__(
        self,
        interceptors: Sequence[Any],
        pool: futures.Executor,
        loop: Callable[[], asyncio.AbstractEventLoop],
    ) -> None:
        for interceptor in interceptors:
            if not callable(getattr(interceptor, "intercept_service", None)):
                raise TypeError(
                    f"a server interceptor has an intercept_service method; {interceptor!r} has not"
                )
        self._views = Views(pool, loop)
        self._interceptors = tuple((each, _is_async(each)) for each in interceptors)
        self._any_async = any(is_async for _, is_async in self._interceptors)

    def __bool__(self) -> bool:
        return bool(self._interceptors)

    def execute(self, find: Continuation, details: grpc.HandlerCallDetails) -> Any:
        """The handler that the interceptors settle on; awaitable if one of them has to be awaited."""
        continuation = find
        for interceptor, is_async in reversed(self._interceptors):
            if is_async:
                continuation = self._around_async(interceptor, continuation)
            elif self._any_async:
                continuation = self._around_sync_on_loop(interceptor, continuation)
            else:
                continuation = self._around_sync(interceptor, continuation)
        return continuation(details)

    def _around_sync(self, interceptor: Any, inner: Continuation) -> Continuation:
        def intercept(details: grpc.HandlerCallDetails) -> Any:
            view = self._views.for_sync(inner)
            return view.settle(interceptor.intercept_service(view.find, details))

        return intercept

    def _around_sync_on_loop(self, interceptor: Any, inner: Continuation) -> Continuation:
        async def intercept(details: grpc.HandlerCallDetails) -> Any:
            view = self._views.for_sync(inner)
            handler = run_sync(interceptor.intercept_service, view.find, details)
            return view.settle(await handler if inspect.isawaitable(handler) else handler)

        return intercept

    def _around_async(self, interceptor: Any, inner: Continuation) -> Continuation:
        async def intercept(details: grpc.HandlerCallDetails) -> Any:
            view = self._views.for_async(inner)
            handler = interceptor.intercept_service(view.find, details)
            return view.settle(await handler if inspect.isawaitable(handler) else handler)

        return intercept


def _is_async(interceptor: Any) -> bool:
    return isinstance(interceptor, grpc.aio.ServerInterceptor) or inspect.iscoroutinefunction(
        interceptor.intercept_service
    )
