"""`grpc.aio`'s namespace, with grpc_bridge's factories: code written for `grpc.aio` runs on it unchanged.

``from grpc_bridge import aio`` in place of ``from grpc import aio``. Classes, exceptions and constants are
grpc.aio's own objects. Where a name means two things, `grpc_bridge.X` is grpc's and this module's is
grpc.aio's: here a call that was cancelled raises ``asyncio.CancelledError`` when it is awaited, and a
context without a deadline has ``time_remaining()`` None.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import grpc
from grpc.aio import (
    EOF,
    AbortError,
    AioRpcError,
    BaseError,
    Call,
    Channel,
    ClientCallDetails,
    ClientInterceptor,
    InterceptedUnaryUnaryCall,
    InternalError,
    Metadata,
    RpcContext,
    Server,
    ServerInterceptor,
    ServicerContext,
    StreamStreamCall,
    StreamStreamClientInterceptor,
    StreamStreamMultiCallable,
    StreamUnaryCall,
    StreamUnaryClientInterceptor,
    StreamUnaryMultiCallable,
    UnaryStreamCall,
    UnaryStreamClientInterceptor,
    UnaryStreamMultiCallable,
    UnaryUnaryCall,
    UnaryUnaryClientInterceptor,
    UnaryUnaryMultiCallable,
    UsageError,
    init_grpc_aio,
    shutdown_grpc_aio,
)

from grpc_bridge import _call, _instrumented, _multicallable, typed
from grpc_bridge._border import running_loop
from grpc_bridge._channel import Channel as _Channel
from grpc_bridge._channel import Options
from grpc_bridge._client_interceptor import InterceptedChannel as _InterceptedChannel
from grpc_bridge._client_interceptor import intercept_channel as _intercept_channel
from grpc_bridge._context import ServicerContext as _ServicerContext
from grpc_bridge._errors import RpcCallError
from grpc_bridge._server import Server as _Server

__all__ = [
    "EOF",
    "AbortError",
    "AioRpcError",
    "BaseError",
    "Call",
    "Channel",
    "ClientCallDetails",
    "ClientInterceptor",
    "InterceptedUnaryUnaryCall",
    "InternalError",
    "Metadata",
    "RpcContext",
    "Server",
    "ServerInterceptor",
    "ServicerContext",
    "StreamStreamCall",
    "StreamStreamClientInterceptor",
    "StreamStreamMultiCallable",
    "StreamUnaryCall",
    "StreamUnaryClientInterceptor",
    "StreamUnaryMultiCallable",
    "UnaryStreamCall",
    "UnaryStreamClientInterceptor",
    "UnaryStreamMultiCallable",
    "UnaryUnaryCall",
    "UnaryUnaryClientInterceptor",
    "UnaryUnaryMultiCallable",
    "UsageError",
    "init_grpc_aio",
    "insecure_channel",
    "secure_channel",
    "server",
    "shutdown_grpc_aio",
]

if TYPE_CHECKING:

    class TypedChannel(typed.Channel, Channel):  # type: ignore[misc]
        """What the factories return, to a type checker: its calls of one response are coroutines."""

        async def __aenter__(self) -> TypedChannel: ...


# Contexts of calls without a deadline say so with a time far away.
_NO_DEADLINE_SECONDS = 1e9


class _CancelledAsTask:
    """A call that was cancelled raises what a cancelled task raises."""

    __slots__ = ()

    core: Any

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            return (yield from super().__await__())  # type: ignore[misc]
        except RpcCallError:
            if self.core.cancelled_here:
                raise asyncio.CancelledError from None
            raise

    async def _next(self) -> Any:
        try:
            return await super()._next()  # type: ignore[misc]
        except RpcCallError:
            if self.core.cancelled_here:
                raise asyncio.CancelledError from None
            raise

    async def _raise_status(self) -> None:
        try:
            await super()._raise_status()  # type: ignore[misc]
        except RpcCallError:
            if self.core.cancelled_here:
                raise asyncio.CancelledError from None
            raise


class _UnaryUnaryCall(_CancelledAsTask, _call.UnaryUnaryCall):
    __slots__ = ()


class _UnaryStreamCall(_CancelledAsTask, _call.UnaryStreamCall):
    __slots__ = ()


class _StreamUnaryCall(_CancelledAsTask, _call.StreamUnaryCall):
    __slots__ = ()


class _StreamStreamCall(_CancelledAsTask, _call.StreamStreamCall):
    __slots__ = ()


class _UnaryUnary(_multicallable.UnaryUnaryMultiCallable):
    _call_class = _UnaryUnaryCall


class _UnaryStream(_multicallable.UnaryStreamMultiCallable):
    _call_class = _UnaryStreamCall


class _StreamUnary(_multicallable.StreamUnaryMultiCallable):
    _call_class = _StreamUnaryCall


class _StreamStream(_multicallable.StreamStreamMultiCallable):
    _call_class = _StreamStreamCall


class _AioInterceptedChannel(_InterceptedChannel):
    """The same, intercepted."""

    cancels_as_task = True


_AioInterceptedChannel.intercepted_class = _AioInterceptedChannel


class _AioChannel(_Channel):
    """A channel whose calls end as grpc.aio's do."""

    intercepted_class = _AioInterceptedChannel

    _unary_unary = _UnaryUnary
    _unary_stream = _UnaryStream
    _stream_unary = _StreamUnary
    _stream_stream = _StreamStream

    def check_open(self) -> None:
        """Raise what ``grpc.aio`` raises for a call on a channel that was closed."""
        if self._closed:
            raise UsageError("Channel is closed.")

    def close(self, grace: float | None = None) -> Any:
        """Refuse new calls; cancel those in flight, after `grace` seconds if that is given. To be awaited.

        In a thread without a loop there is no grace.
        """
        if grace is None or running_loop() is None:
            return super().close()
        return self.close_after(grace)


class _AioServer(_Server):
    """A ``grpc.aio.Server``, by name and by manners: its methods are coroutines where that one's are."""

    def start(self) -> Any:
        """Serve from now on; a coroutine where a loop runs. ``ValueError`` if it was started before."""
        done = super().start()
        return None if done is None else _finish(done)

    def stop(self, grace: float | None = None) -> Any:
        """Refuse new RPCs; cancel those in flight after `grace` seconds, or now if it is None.

        A coroutine, which returns None when all is over; in a thread, the event of ``grpc_bridge``'s servers.
        """
        stopped = super().stop(grace)
        return stopped if running_loop() is None else _finish(stopped)


async def _finish(awaitable: Awaitable[Any]) -> None:
    await awaitable


class _AioServicerContext(_ServicerContext):
    """A context that has no `time_remaining` where there is no deadline."""

    def time_remaining(self) -> Any:
        """Seconds to the deadline, or None without one."""
        remaining = super().time_remaining()
        return None if remaining > _NO_DEADLINE_SECONDS else remaining


def insecure_channel(
    target: str,
    options: Options = None,
    compression: grpc.Compression | None = None,
    interceptors: Sequence[Any] | None = None,
) -> TypedChannel:
    """A channel without transport security; see ``grpc.aio.insecure_channel``. Bound to no loop.

    `target`, `options` and `compression` are as for ``grpc_bridge.insecure_channel``. `interceptors` are of
    the classes of ``grpc.aio`` and of ``grpc``, in any mix, the first outermost; ``TypeError`` if one is of
    none.
    """
    instrumented = _instrumented.replacement("insecure_channel", grpc.aio)
    if instrumented is not None:
        interceptors = _instrumented.aio_interceptors(instrumented, interceptors, target)
    channel: TypedChannel = _intercept_channel(
        _AioChannel(target, options, None, compression), *(interceptors or ())
    )
    return channel


def secure_channel(
    target: str,
    credentials: grpc.ChannelCredentials,
    options: Options = None,
    compression: grpc.Compression | None = None,
    interceptors: Sequence[Any] | None = None,
) -> TypedChannel:
    """A channel with credentials; see ``grpc.aio.secure_channel``. Apart from them as `insecure_channel`."""
    instrumented = _instrumented.replacement("secure_channel", grpc.aio)
    if instrumented is not None:
        interceptors = _instrumented.aio_interceptors(instrumented, interceptors, target, credentials)
    channel: TypedChannel = _intercept_channel(
        _AioChannel(target, options, credentials, compression), *(interceptors or ())
    )
    return channel


def server(
    migration_thread_pool: Executor | None = None,
    handlers: Sequence[grpc.GenericRpcHandler] | None = None,
    interceptors: Sequence[Any] | None = None,
    options: Sequence[tuple[str, Any]] | None = None,
    maximum_concurrent_rpcs: int | None = None,
    compression: grpc.Compression | None = None,
) -> _Server:
    """A server; see ``grpc.aio.server``. It may be made, and started, where no loop runs.

    `migration_thread_pool` runs the handlers that are plain functions. The other arguments, and what is
    raised, are as for ``grpc_bridge.server``.
    """
    instrumented = _instrumented.replacement("server", grpc.aio)
    if instrumented is not None:
        interceptors = _instrumented.aio_interceptors(instrumented, interceptors)
    return _AioServer(
        migration_thread_pool,
        handlers,
        interceptors,
        options,
        maximum_concurrent_rpcs,
        compression,
        False,
        _AioServicerContext,
    )


# Packages ask whether a channel or a server is grpc.aio's, to choose a colour. Those of grpc_bridge itself
# answer as grpc's do, whether or not this module has been imported.
Channel.register(_AioChannel)
Channel.register(_AioInterceptedChannel)
Server.register(_AioServer)
