"""The entry points."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent import futures
from typing import Any

import grpc

from grpc_bridge import _instrumented
from grpc_bridge._channel import Channel, Options
from grpc_bridge._client_interceptor import intercept_channel
from grpc_bridge._ready import ChannelReadyFuture
from grpc_bridge._server import Server


def insecure_channel(
    target: str, options: Options = None, compression: grpc.Compression | None = None
) -> Any:
    """A channel without transport security; see ``grpc.insecure_channel``. Never blocks, needs no loop."""
    channel = Channel(target, options, None, compression)
    instrumented = _instrumented.replacement("insecure_channel")
    if instrumented is None:
        return channel
    arguments = {"target": target, "options": options, "compression": compression}
    return _instrumented.around_channel(channel, instrumented, arguments)


def secure_channel(
    target: str,
    credentials: grpc.ChannelCredentials,
    options: Options = None,
    compression: grpc.Compression | None = None,
) -> Any:
    """A channel with credentials; see ``grpc.secure_channel``. Never blocks, needs no loop."""
    channel = Channel(target, options, credentials, compression)
    instrumented = _instrumented.replacement("secure_channel")
    if instrumented is None:
        return channel
    arguments = {
        "target": target,
        "credentials": credentials,
        "options": options,
        "compression": compression,
    }
    return _instrumented.around_channel(channel, instrumented, arguments)


def channel_ready_future(channel: Any) -> ChannelReadyFuture:
    """A future that is done when the channel is connected; ``result(timeout)`` blocks, or is awaited."""
    return ChannelReadyFuture(channel.sync_channel if hasattr(channel, "sync_channel") else channel)


def server(
    thread_pool: futures.Executor | None = None,
    handlers: Sequence[grpc.GenericRpcHandler] | None = None,
    interceptors: Sequence[Any] | None = None,
    options: Sequence[tuple[str, Any]] | None = None,
    maximum_concurrent_rpcs: int | None = None,
    compression: grpc.Compression | None = None,
    xds: bool = False,
) -> Server:
    """A server for handlers of both colours; see ``grpc.server``.

    `thread_pool` runs the handlers that are plain functions; without one the server has its own.
    """
    instrumented = _instrumented.replacement("server")
    if instrumented is not None:
        interceptors = _instrumented.server_interceptors(instrumented, interceptors)
    return Server(thread_pool, handlers, interceptors, options, maximum_concurrent_rpcs, compression, xds)


__all__ = ["channel_ready_future", "insecure_channel", "intercept_channel", "secure_channel", "server"]
