"""The multi-callables of the four arities, in both colours.

Each holds, made when first needed, grpcio's own multi-callable for the sync context, and the core's
channel for coroutines.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, ClassVar, cast

import grpc
import grpc.aio
from grpc import _common

from grpc_bridge import _fork, _grpc_types, _signature
from grpc_bridge._border import async_scope, run_in_background, running_loop, warn_if_blocking
from grpc_bridge._bridge import can_wait_here, wait_here
from grpc_bridge._call import Call, StreamStreamCall, StreamUnaryCall, UnaryStreamCall, UnaryUnaryCall
from grpc_bridge._cy.client_call import start_call
from grpc_bridge._cy.transport import CallHead
from grpc_bridge._errors import RpcCallError
from grpc_bridge._metadata import Metadata, as_pairs, outgoing

if TYPE_CHECKING:
    from grpc_bridge._channel import Channel

_get_running_loop = asyncio._get_running_loop

# Seconds. A context without a deadline says that this much and more remains; C-core cannot count so far.
_FOREVER = 1e9


def seconds(timeout: float | None) -> float | None:
    """A timeout for grpcio itself, to which a context's `time_remaining()` may be too much."""
    return None if timeout is not None and timeout > _FOREVER else timeout


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


def without_requests(method: str) -> TypeError:
    """The error of `with_call` on a method whose requests nobody gives."""
    return TypeError(
        f"{method}: with_call() without requests would wait for ever; give it an iterator, or call the "
        "method itself, send the requests with what it returns, and await that"
    )


class MultiCallable:
    """What the four have in common."""

    _arity: ClassVar[str]
    _request_streaming: ClassVar[bool]
    _response_streaming: ClassVar[bool]
    _call_class: ClassVar[Callable[..., Call]]

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
        # What is made when first needed, in this process: a fork makes it anew. Several threads may be at it,
        # so what says that something is there comes last, here and where it is made.
        self._sync_made: Any = None
        self._handle: Any = None
        self._transport: Any = None
        self._generation = _fork.generation

    @property
    def _sync(self) -> Any:
        if self._generation != _fork.generation:
            self._forget()
        if self._sync_made is None:
            sync_channel = self._channel.sync_channel
            with self._channel.held_open():
                self._sync_made = getattr(sync_channel, self._arity)(
                    self._method,
                    self._request_serializer,
                    self._response_deserializer,
                    **({"_registered_method": True} if self._registered else {}),
                )
        return self._sync_made

    def _start(
        self,
        loop: asyncio.AbstractEventLoop,
        request: Any,
        timeout: float | None,
        metadata: Any,
        credentials: grpc.CallCredentials | None,
        wait_for_ready: bool | None,
        compression: grpc.Compression | None,
    ) -> Call:
        streaming = self._request_streaming
        message = None if streaming else self._serialized(request)
        if self._generation != _fork.generation:
            self._forget()
        transport = self._transport
        if transport is None:
            transport = self._channel.transport
            with self._channel.held_open():
                self._handle = transport.method_handle(self._method, self._registered)
                self._transport = transport
        if metadata is not None:
            metadata = outgoing(metadata)
        if compression is not None:
            metadata = self._channel.with_compression(metadata, compression)
        core = start_call(
            transport,
            loop,
            self._method,
            CallHead(
                self._handle,
                metadata,
                None if timeout is None or timeout > _FOREVER else time.time() + timeout,
                wait_for_ready,
                credentials,
                streaming,
                self._response_streaming,
            ),
            message,
            self._request_serializer,
            self._response_deserializer,
        )
        return self._call_class(core, request) if streaming else self._call_class(core)

    def _by_hand(self, *arguments: Any) -> Call:
        """In the sync context, without requests: a call of the background loop's, to send them with."""

        async def start() -> Call:
            return self._start(asyncio.get_running_loop(), None, *arguments)

        self._channel.check_open()
        call = run_in_background(start())
        call.used = True  # grpcio does not warn of a call that is dropped, only ends it
        return call

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


class _UnaryResponse(MultiCallable):
    """What methods with one response do when they are called."""

    _response_streaming = False

    def _call(
        self,
        request: Any,
        timeout: float | None,
        metadata: Any,
        credentials: grpc.CallCredentials | None,
        wait_for_ready: bool | None,
        compression: grpc.Compression | None,
    ) -> Any:
        if _get_running_loop() is None and request is not None:
            # A plain thread: nothing of ours is to come between it and grpcio.
            return self._sync(
                request, seconds(timeout), as_pairs(metadata), credentials, wait_for_ready, compression
            )
        loop = running_loop()
        if loop is not None:
            self._channel.check_open()
            return self._start(loop, request, timeout, metadata, credentials, wait_for_ready, compression)
        others = credentials, wait_for_ready, compression
        if can_wait_here():
            with async_scope():
                return wait_here(self._call(request, timeout, metadata, *others))
        warn_if_blocking(self._method, self._channel.target)
        if request is None and self._request_streaming:
            return self._by_hand(timeout, metadata, *others)
        return self._sync(request, seconds(timeout), as_pairs(metadata), *others)

    def _with_call(self, request: Any, timeout: float | None, metadata: Any, *others: Any) -> Any:
        if request is None and self._request_streaming:
            raise without_requests(self._method)
        loop = running_loop()
        if loop is not None:
            self._channel.check_open()
            return WithCall(self._start(loop, request, timeout, metadata, *others))
        if can_wait_here():
            with async_scope():
                return wait_here(self._with_call(request, timeout, metadata, *others))
        warn_if_blocking(self._method, self._channel.target)
        return self._sync.with_call(request, seconds(timeout), as_pairs(metadata), *others)

    def _future(self, request: Any, timeout: float | None, metadata: Any, *others: Any) -> Any:
        loop = running_loop()
        if loop is not None:
            call = self._start(loop, request, timeout, metadata, *others)
        elif can_wait_here():
            with async_scope():
                return self._future(request, timeout, metadata, *others)
        elif request is None and self._request_streaming:
            call = self._by_hand(timeout, metadata, *others)
        else:
            return self._sync.future(request, seconds(timeout), as_pairs(metadata), *others)
        call.claimed = True
        return call


class _StreamResponse(MultiCallable):
    """What methods with a stream of responses do when they are called."""

    _response_streaming = True

    def _call(
        self,
        request: Any,
        timeout: float | None,
        metadata: Any,
        credentials: grpc.CallCredentials | None,
        wait_for_ready: bool | None,
        compression: grpc.Compression | None,
    ) -> Any:
        loop = running_loop()
        if loop is not None:
            return self._start(loop, request, timeout, metadata, credentials, wait_for_ready, compression)
        others = credentials, wait_for_ready, compression
        if can_wait_here():
            with async_scope():
                return self._call(request, timeout, metadata, *others)
        warn_if_blocking(self._method, self._channel.target)
        if request is None and self._request_streaming:
            return self._by_hand(timeout, metadata, *others)
        return self._sync(request, seconds(timeout), as_pairs(metadata), *others)


class UnaryUnaryMultiCallable(_UnaryResponse, _signature.UnaryUnary, _grpc_types.UnaryUnaryMultiCallable):
    """A unary-unary method of a channel."""

    _arity = "unary_unary"
    _request_streaming = False
    _call_class = UnaryUnaryCall


class UnaryStreamMultiCallable(
    _StreamResponse, _signature.UnaryRequest, _grpc_types.UnaryStreamMultiCallable
):
    """A unary-stream method of a channel."""

    _arity = "unary_stream"
    _request_streaming = False
    _call_class = UnaryStreamCall


class StreamUnaryMultiCallable(_UnaryResponse, _signature.StreamUnary, _grpc_types.StreamUnaryMultiCallable):
    """A stream-unary method of a channel."""

    _arity = "stream_unary"
    _request_streaming = True
    _call_class = StreamUnaryCall


class StreamStreamMultiCallable(
    _StreamResponse, _signature.StreamRequest, _grpc_types.StreamStreamMultiCallable
):
    """A stream-stream method of a channel."""

    _arity = "stream_stream"
    _request_streaming = True
    _call_class = StreamStreamCall


# What helpers for grpc.aio tell the arities by.
grpc.aio.UnaryUnaryMultiCallable.register(UnaryUnaryMultiCallable)
grpc.aio.UnaryStreamMultiCallable.register(UnaryStreamMultiCallable)
grpc.aio.StreamUnaryMultiCallable.register(StreamUnaryMultiCallable)
grpc.aio.StreamStreamMultiCallable.register(StreamStreamMultiCallable)
