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
    """A channel without transport security; see ``grpc.insecure_channel``.

    `target` is an address, such as ``"localhost:50051"`` or ``"unix:/run/a.sock"``; `options` are C-core's
    channel arguments, pairs of a name and a value; `compression` is that of calls which ask for no other.
    Never blocks, needs no loop, and connects when a call needs it. For any thread and any number of loops.
    Raises ``TypeError`` for options that C-core does not take.
    """
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
    """A channel with credentials, such as ``grpc.ssl_channel_credentials()``; see ``grpc.secure_channel``.

    Apart from them as `insecure_channel`.
    """
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
    """A ``grpc.Future`` that is done when the channel is connected, which this makes it try.

    ``result(timeout)`` gives None: it blocks in a thread, is awaited in a coroutine, and raises
    ``grpc.FutureTimeoutError`` after `timeout` seconds. In a coroutine the future may be awaited itself.
    """
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
    """A server for handlers of both colours; see ``grpc.server``. Never blocks, needs no loop.

    `thread_pool` runs the handlers that are plain functions; without one the server has its own, of as many
    threads as ``ThreadPoolExecutor`` takes by itself. `handlers` are served as by
    ``Server.add_generic_rpc_handlers``. `interceptors` are those of ``grpc`` and of ``grpc.aio``, in any mix,
    the first outermost. `options` are C-core's arguments, pairs of a name and a value.
    `maximum_concurrent_rpcs` counts RPCs of both colours; what comes beyond it ends with RESOURCE_EXHAUSTED.
    With `xds`, the server takes its configuration from xDS.

    Raises ``TypeError`` for a pool that cannot run handlers here, an interceptor that is none, a limit that
    is no number, and options that C-core does not take.
    """
    instrumented = _instrumented.replacement("server")
    if instrumented is not None:
        interceptors = _instrumented.server_interceptors(instrumented, interceptors)
    return Server(thread_pool, handlers, interceptors, options, maximum_concurrent_rpcs, compression, xds)


__all__ = ["channel_ready_future", "insecure_channel", "intercept_channel", "secure_channel", "server"]
