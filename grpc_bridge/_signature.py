"""grpcio's call signatures, written once; what a call does in either colour is the subclass's.

A method with one request names it `request`, one with a stream of them `request_iterator`; only a method
with one response has `with_call` and `future`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc


class UnaryRequest:
    """``__call__`` of a method with one request."""

    _call: Callable[..., Any]

    def __call__(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """Start the RPC; raises a ``grpc.RpcError`` where it fails, and ``ValueError`` on a closed channel.

        One response: blocks for it in a thread; awaitable, and started, in a coroutine. A stream of them:
        the call to iterate over, with ``for`` in a thread, ``async for`` in a coroutine; never blocks.

        `timeout` is in seconds, from now to the end of the RPC; `metadata` is pairs of a key and a value.
        `credentials` are of this call, besides its channel's. With `wait_for_ready` it waits for a connection
        where it would fail. `compression` is that of its requests, in place of its channel's.
        """
        return self._call(request, timeout, metadata, credentials, wait_for_ready, compression)


class StreamRequest:
    """``__call__`` of a method with a stream of requests."""

    _call: Callable[..., Any]

    def __call__(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """As for one request; `request_iterator` is an iterator, an iterable, or one of their async kinds.

        In a coroutine an iterator that may block is read by a thread of its own, one message ahead at most; a
        list or a tuple, and an async iterator, by the loop. Without one, what is returned, in a coroutine
        before it is awaited, is the call to send the requests with: `send` and `done_sending`, or `write` and
        `done_writing`.
        """
        return self._call(request_iterator, timeout, metadata, credentials, wait_for_ready, compression)


class UnaryUnary(UnaryRequest):
    """The three ways to call a unary-unary method."""

    _with_call: Callable[..., Any]
    _future: Callable[..., Any]

    def with_call(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """As `__call__`, for the response and its call, which is over and tells its code and metadata."""
        return self._with_call(request, timeout, metadata, credentials, wait_for_ready, compression)

    def future(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """As `__call__`, for the call: a ``grpc.Future``, and awaitable in a coroutine. Never blocks."""
        return self._future(request, timeout, metadata, credentials, wait_for_ready, compression)


class StreamUnary(StreamRequest):
    """The three ways to call a stream-unary method."""

    _with_call: Callable[..., Any]
    _future: Callable[..., Any]

    def with_call(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """As `__call__`, for the response and its call, which is over and tells its code and metadata."""
        return self._with_call(request_iterator, timeout, metadata, credentials, wait_for_ready, compression)

    def future(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """As `__call__`, for the call: a ``grpc.Future``, and awaitable in a coroutine. Never blocks."""
        return self._future(request_iterator, timeout, metadata, credentials, wait_for_ready, compression)
