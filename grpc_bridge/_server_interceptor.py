"""Server interceptors, sync and async in any mix, around handlers of either colour."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grpc

Continuation = Callable[[grpc.HandlerCallDetails], Any]


class _HandlerCallDetails(NamedTuple):
    method: str
    invocation_metadata: Any


class HandlerCallDetails(_HandlerCallDetails, grpc.HandlerCallDetails):
    """What an interceptor is told of a call."""


class ServerPipeline:
    """The server's interceptors, the first outermost."""

    def __init__(self, interceptors: Sequence[Any]) -> None:
        for interceptor in interceptors:
            if not callable(getattr(interceptor, "intercept_service", None)):
                raise TypeError(
                    f"a server interceptor has an intercept_service method; {interceptor!r} has not"
                )
        self._interceptors = tuple(interceptors)

    def __bool__(self) -> bool:
        return bool(self._interceptors)

    def execute(self, find: Continuation, details: grpc.HandlerCallDetails) -> Any:
        """The handler that the interceptors settle on; awaitable if one of them has to be awaited."""
        continuation = find
        for interceptor in reversed(self._interceptors):
            continuation = _around(interceptor, continuation)
        return continuation(details)


def _around(interceptor: Any, inner: Continuation) -> Continuation:
    if inspect.iscoroutinefunction(interceptor.intercept_service):

        async def awaited(details: grpc.HandlerCallDetails) -> Any:
            handler = inner(details)
            return await handler if inspect.isawaitable(handler) else handler

        return lambda details: interceptor.intercept_service(awaited, details)
    return lambda details: interceptor.intercept_service(inner, details)
