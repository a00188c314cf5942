"""The multi-callables of the four arities, in both colours.

Each holds, made when first needed, grpcio's own multi-callable for the sync context, and the core's
channel for coroutines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, cast

import grpc
from grpc import _common

from grpc_bridge import _fork, _grpc_types
from grpc_bridge._border import running_loop, warn_if_blocking
from grpc_bridge._call import StreamStreamCall, StreamUnaryCall, UnaryStreamCall, UnaryUnaryCall
from grpc_bridge._cy.client_call import ClientCall, start_call
from grpc_bridge._cy.transport import CallHead
from grpc_bridge._errors import RpcCallError
from grpc_bridge._metadata import Metadata, as_pairs, outgoing

if TYPE_CHECKING:
    import asyncio

    from grpc_bridge._channel import Channel

# Seconds. A context without a deadline says that this much and more remains; C-core cannot count so far.
_FOREVER = 1e9

Serializer = Callable[[Any], bytes]
Deserializer = Callable[[bytes], Any]


class WithCall:
    """What `with_call` returns in a coroutine: awaited, the response and its call."""

    __slots__ = ("_call",)

    def __init__(self, call: Any) -> None:
        self._call = call

    def __await__(self) -> Generator[Any, None, tuple[Any, Any]]:
        response = yield from self._call.__await__()
        core = getattr(self._call, "core", None)
        if core is not None:
            core.deadline = None  # grpcio's call, here, does not know its deadline any more
        return response, self._call


class MultiCallable:
    """What the four have in common."""

    _request_streaming = False
    _response_streaming = False

    def __init__(
        self,
        channel: Channel,
        method: str,
        request_serializer: Serializer | None,
        response_deserializer: Deserializer | None,
        registered: bool,
    ) -> None:
        self._channel = channel
        self._method = method if isinstance(method, str) else _common.decode(method)
        self._request_serializer = request_serializer
        self._response_deserializer = response_deserializer
        self._registered = registered
        self._forget()

    def _forget(self) -> None:
        # What is made when first needed, in this process: a fork makes it anew.
        self._generation = _fork.generation
        self._sync_made: Any = None
        self._handle: Any = None
        self._transport: Any = None

    @property
    def _sync(self) -> Any:
        if self._generation != _fork.generation:
            self._forget()
        if self._sync_made is None:
            self._channel.check_open()
            self._sync_made = self._make_sync(self._channel.sync_channel)
        return self._sync_made

    @property
    def _registration(self) -> dict[str, bool]:
        return {"_registered_method": True} if self._registered else {}

    def _make_sync(self, channel: grpc.Channel) -> Any:
        raise SystemError("a multi-callable without an arity")

    def _start(
        self,
        loop: asyncio.AbstractEventLoop,
        request: bytes | None,
        timeout: float | None,
        metadata: Any,
        credentials: grpc.CallCredentials | None,
        wait_for_ready: bool | None,
        compression: grpc.Compression | None,
    ) -> ClientCall:
        if self._generation != _fork.generation:
            self._forget()
        transport = self._transport
        if transport is None:
            self._channel.check_open()
            transport = self._transport = self._channel.transport
            self._handle = transport.method_handle(self._method, self._registered)
        metadata = outgoing(metadata)
        if compression is not None:
            metadata = self._channel.with_compression(metadata, compression)
        return start_call(
            transport,
            loop,
            self._method,
            CallHead(
                self._handle,
                metadata,
                None if timeout is None or timeout > _FOREVER else time.time() + timeout,
                wait_for_ready,
                credentials,
                self._request_streaming,
                self._response_streaming,
            ),
            request,
            self._request_serializer,
            self._response_deserializer,
        )

    def _serialized(self, request: Any) -> bytes:
        serializer = self._request_serializer
        try:
            serialized = request if serializer is None else serializer(request)
            if type(serialized) is not bytes:
                serialized = bytes(memoryview(serialized))
        except Exception as error:
            _common._LOGGER.exception("Exception serializing message!")
            raise RpcCallError(
                grpc.StatusCode.INTERNAL,
                cast(Any, Metadata()),
                cast(Any, Metadata()),
                "Exception serializing request!",
            ) from error
        return serialized


class UnaryUnaryMultiCallable(MultiCallable, _grpc_types.UnaryUnaryMultiCallable):
    """A unary-unary method of a channel."""

    _call_class: type[UnaryUnaryCall] = UnaryUnaryCall
    _request_streaming = False
    _response_streaming = False

    def _make_sync(self, channel: grpc.Channel) -> Any:
        return channel.unary_unary(
            self._method, self._request_serializer, self._response_deserializer, **self._registration
        )

    def __call__(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """The response: blocks for it in a thread; awaitable, and started, in a coroutine.

        `timeout` is in seconds. Raises a ``grpc.RpcError``.
        """
        loop = running_loop()
        if loop is None:
            warn_if_blocking(self._method, self._channel.target)
            return self._sync(request, timeout, as_pairs(metadata), credentials, wait_for_ready, compression)
        self._channel.check_open()
        return self._call_class(
            self._start(
                loop, self._serialized(request), timeout, metadata, credentials, wait_for_ready, compression
            )
        )

    def with_call(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """As `__call__`, for the response and its call."""
        loop = running_loop()
        if loop is None:
            warn_if_blocking(self._method, self._channel.target)
            return self._sync.with_call(
                request, timeout, as_pairs(metadata), credentials, wait_for_ready, compression
            )
        self._channel.check_open()
        return WithCall(
            self._call_class(
                self._start(
                    loop,
                    self._serialized(request),
                    timeout,
                    metadata,
                    credentials,
                    wait_for_ready,
                    compression,
                )
            )
        )

    def future(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """Start the RPC; the call, which is a ``grpc.Future``, and awaitable in a coroutine. Never blocks."""
        loop = running_loop()
        if loop is None:
            return self._sync.future(
                request, timeout, as_pairs(metadata), credentials, wait_for_ready, compression
            )
        call = self._call_class(
            self._start(
                loop, self._serialized(request), timeout, metadata, credentials, wait_for_ready, compression
            )
        )
        call.claimed = True
        return call


class UnaryStreamMultiCallable(MultiCallable, _grpc_types.UnaryStreamMultiCallable):
    """A unary-stream method of a channel."""

    _call_class: type[UnaryStreamCall] = UnaryStreamCall
    _request_streaming = False
    _response_streaming = True

    def _make_sync(self, channel: grpc.Channel) -> Any:
        return channel.unary_stream(
            self._method, self._request_serializer, self._response_deserializer, **self._registration
        )

    def __call__(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """Start the RPC; the call to iterate over: with ``for`` in a thread, ``async for`` in a coroutine.

        `timeout` is in seconds. Never blocks.
        """
        loop = running_loop()
        if loop is None:
            warn_if_blocking(self._method, self._channel.target)
            return self._sync(request, timeout, as_pairs(metadata), credentials, wait_for_ready, compression)
        return self._call_class(
            self._start(
                loop, self._serialized(request), timeout, metadata, credentials, wait_for_ready, compression
            )
        )


class StreamUnaryMultiCallable(MultiCallable, _grpc_types.StreamUnaryMultiCallable):
    """A stream-unary method of a channel."""

    _call_class: type[StreamUnaryCall] = StreamUnaryCall
    _request_streaming = True
    _response_streaming = False

    def _make_sync(self, channel: grpc.Channel) -> Any:
        return channel.stream_unary(
            self._method, self._request_serializer, self._response_deserializer, **self._registration
        )

    def __call__(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """The response: blocks for it in a thread; awaitable, and started, in a coroutine.

        `timeout` is in seconds. Raises a ``grpc.RpcError``.
        """
        loop = running_loop()
        if loop is None:
            warn_if_blocking(self._method, self._channel.target)
            return self._sync(
                request_iterator, timeout, as_pairs(metadata), credentials, wait_for_ready, compression
            )
        self._channel.check_open()
        return self._call_class(
            self._start(loop, None, timeout, metadata, credentials, wait_for_ready, compression),
            request_iterator,
        )

    def with_call(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """As `__call__`, for the response and its call."""
        loop = running_loop()
        if loop is None:
            warn_if_blocking(self._method, self._channel.target)
            return self._sync.with_call(
                request_iterator, timeout, as_pairs(metadata), credentials, wait_for_ready, compression
            )
        self._channel.check_open()
        return WithCall(
            self._call_class(
                self._start(loop, None, timeout, metadata, credentials, wait_for_ready, compression),
                request_iterator,
            )
        )

    def future(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """Start the RPC; the call, which is a ``grpc.Future``, and awaitable in a coroutine. Never blocks."""
        loop = running_loop()
        if loop is None:
            return self._sync.future(
                request_iterator, timeout, as_pairs(metadata), credentials, wait_for_ready, compression
            )
        call = self._call_class(
            self._start(loop, None, timeout, metadata, credentials, wait_for_ready, compression),
            request_iterator,
        )
        call.claimed = True
        return call


class StreamStreamMultiCallable(MultiCallable, _grpc_types.StreamStreamMultiCallable):
    """A stream-stream method of a channel."""

    _call_class: type[StreamStreamCall] = StreamStreamCall
    _request_streaming = True
    _response_streaming = True

    def _make_sync(self, channel: grpc.Channel) -> Any:
        return channel.stream_stream(
            self._method, self._request_serializer, self._response_deserializer, **self._registration
        )

    def __call__(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """Start the RPC; the call to iterate over: with ``for`` in a thread, ``async for`` in a coroutine.

        `timeout` is in seconds. Never blocks.
        """
        loop = running_loop()
        if loop is None:
            warn_if_blocking(self._method, self._channel.target)
            return self._sync(
                request_iterator, timeout, as_pairs(metadata), credentials, wait_for_ready, compression
            )
        return self._call_class(
            self._start(loop, None, timeout, metadata, credentials, wait_for_ready, compression),
            request_iterator,
        )
