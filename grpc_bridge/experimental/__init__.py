"""`grpc.experimental`, whose calls without a channel may be made from coroutines, too.

``unary_unary`` and its three siblings take a target in place of a channel; the channels behind them are
pooled by target, credentials, options and compression. As on grpcio, three environment variables, read at
import, set the seconds that an idle channel is kept (GRPC_PYTHON_MANAGED_CHANNEL_EVICTION_SECONDS, 600),
the number of channels (GRPC_PYTHON_MANAGED_CHANNEL_MAXIMUM, 256) and the `timeout` in seconds of a call
that names none (GRPC_PYTHON_DEFAULT_TIMEOUT_SECONDS, 60). Every other name is grpcio's own object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc
import grpc.experimental
from grpc import _simple_stubs

from grpc_bridge import _pool, aio
from grpc_bridge._channel import Options
from grpc_bridge.experimental import session_cache

_TIMEOUT: float = _simple_stubs._DEFAULT_TIMEOUT


def _channel(
    api: str,
    target: str,
    options: Options,
    credentials: grpc.ChannelCredentials | None,
    insecure: bool,
    compression: grpc.Compression | None,
) -> Any:
    grpc.experimental._warn_experimental(api, 2)  # type: ignore[no-untyped-call]
    if insecure and credentials:
        raise ValueError(
            "The insecure option is mutually exclusive with the channel_credentials option. "
            "Please use one or the other."
        )
    if not insecure and credentials is None:
        credentials = _pool.default_credentials()
    return _pool.shared.channel(target, credentials, options or (), compression)


def unary_unary(
    request: Any,
    target: str,
    method: str,
    request_serializer: Callable[[Any], bytes] | None = None,
    response_deserializer: Callable[[bytes], Any] | None = None,
    options: Sequence[tuple[str, Any]] = (),
    channel_credentials: grpc.ChannelCredentials | None = None,
    insecure: bool = False,
    call_credentials: grpc.CallCredentials | None = None,
    compression: grpc.Compression | None = None,
    wait_for_ready: bool | None = None,
    timeout: float | None = _TIMEOUT,
    metadata: Any = None,
    _registered_method: bool | None = False,
) -> Any:
    """Call a unary-unary method of `target`: the response; blocks in a thread, awaitable in a coroutine.

    `target` is an address, `method` a path such as ``/package.Service/Method``; the serializers and `options`
    are as for a channel. Without `channel_credentials` the channel uses TLS, unless it is to be `insecure`.
    `timeout` is in seconds; None is no deadline. From any thread, and any loop. Raises a ``grpc.RpcError``,
    and ``ValueError`` for credentials of an insecure channel.
    """
    channel = _channel("unary_unary", target, options, channel_credentials, insecure, compression)
    call = channel.unary_unary(method, request_serializer, response_deserializer, _registered_method)
    return call(request, timeout, metadata, call_credentials, wait_for_ready)


def unary_stream(
    request: Any,
    target: str,
    method: str,
    request_serializer: Callable[[Any], bytes] | None = None,
    response_deserializer: Callable[[bytes], Any] | None = None,
    options: Sequence[tuple[str, Any]] = (),
    channel_credentials: grpc.ChannelCredentials | None = None,
    insecure: bool = False,
    call_credentials: grpc.CallCredentials | None = None,
    compression: grpc.Compression | None = None,
    wait_for_ready: bool | None = None,
    timeout: float | None = _TIMEOUT,
    metadata: Any = None,
    _registered_method: bool | None = False,
) -> Any:
    """Call a unary-stream method of `target`: the call to iterate over. See `unary_unary`."""
    channel = _channel("unary_stream", target, options, channel_credentials, insecure, compression)
    call = channel.unary_stream(method, request_serializer, response_deserializer, _registered_method)
    return call(request, timeout, metadata, call_credentials, wait_for_ready)


def stream_unary(
    request_iterator: Any,
    target: str,
    method: str,
    request_serializer: Callable[[Any], bytes] | None = None,
    response_deserializer: Callable[[bytes], Any] | None = None,
    options: Sequence[tuple[str, Any]] = (),
    channel_credentials: grpc.ChannelCredentials | None = None,
    insecure: bool = False,
    call_credentials: grpc.CallCredentials | None = None,
    compression: grpc.Compression | None = None,
    wait_for_ready: bool | None = None,
    timeout: float | None = _TIMEOUT,
    metadata: Any = None,
    _registered_method: bool | None = False,
) -> Any:
    """Call a stream-unary method of `target`: the response, as with `unary_unary`."""
    channel = _channel("stream_unary", target, options, channel_credentials, insecure, compression)
    call = channel.stream_unary(method, request_serializer, response_deserializer, _registered_method)
    return call(request_iterator, timeout, metadata, call_credentials, wait_for_ready)


def stream_stream(
    request_iterator: Any,
    target: str,
    method: str,
    request_serializer: Callable[[Any], bytes] | None = None,
    response_deserializer: Callable[[bytes], Any] | None = None,
    options: Sequence[tuple[str, Any]] = (),
    channel_credentials: grpc.ChannelCredentials | None = None,
    insecure: bool = False,
    call_credentials: grpc.CallCredentials | None = None,
    compression: grpc.Compression | None = None,
    wait_for_ready: bool | None = None,
    timeout: float | None = _TIMEOUT,
    metadata: Any = None,
    _registered_method: bool | None = False,
) -> Any:
    """Call a stream-stream method of `target`: the call to iterate over. See `unary_unary`."""
    channel = _channel("stream_stream", target, options, channel_credentials, insecure, compression)
    call = channel.stream_stream(method, request_serializer, response_deserializer, _registered_method)
    return call(request_iterator, timeout, metadata, call_credentials, wait_for_ready)


__all__ = [
    "ChannelOptions",
    "ExperimentalApiWarning",
    "UsageError",
    "aio",
    "experimental_api",
    "insecure_channel_credentials",
    "session_cache",
    "stream_stream",
    "stream_unary",
    "unary_stream",
    "unary_unary",
    "wrap_server_method_handler",
]


def __getattr__(name: str) -> Any:
    if not name.startswith("_") and hasattr(grpc.experimental, name):
        return getattr(grpc.experimental, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*dir(grpc.experimental), *__all__})
