"""Client interceptors around calls of either colour.

In the sync context grpcio's own interception runs. In a coroutine the interceptor, written for grpcio,
runs on the loop's thread and may wait for what its continuation returns (see ``_bridge``); one whose
methods are coroutine functions is awaited.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grpc
import grpc.aio

from grpc_bridge import _fork, _grpc_types
from grpc_bridge._border import async_scope, run, running_loop
from grpc_bridge._bridge import run_sync
from grpc_bridge._call import Call
from grpc_bridge._intercepted_call import Failed, InterceptedCall, InterceptedStreamCall
from grpc_bridge._metadata import outgoing
from grpc_bridge._multicallable import WithCall

_SYNC_KINDS = {
    "unary_unary": grpc.UnaryUnaryClientInterceptor,
    "unary_stream": grpc.UnaryStreamClientInterceptor,
    "stream_unary": grpc.StreamUnaryClientInterceptor,
    "stream_stream": grpc.StreamStreamClientInterceptor,
}
_ASYNC_KINDS = {
    "unary_unary": grpc.aio.UnaryUnaryClientInterceptor,
    "unary_stream": grpc.aio.UnaryStreamClientInterceptor,
    "stream_unary": grpc.aio.StreamUnaryClientInterceptor,
    "stream_stream": grpc.aio.StreamStreamClientInterceptor,
}


class _ClientCallDetails(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class ClientCallDetails(_ClientCallDetails, grpc.ClientCallDetails):
    """What an interceptor is told of a call, and may replace."""


class InterceptedChannel(grpc.Channel):
    """A channel whose calls of some arities pass an interceptor first."""

    def __init__(self, channel: Any, interceptor: Any) -> None:
        self._channel = channel
        self._interceptor = interceptor
        self._is_async = isinstance(interceptor, tuple(_ASYNC_KINDS.values()))
        self._generation = -1
        self._sync_made: Any = None

    @property
    def sync_channel(self) -> Any:
        """The channel of the sync context."""
        if self._is_async:
            # Nothing that grpcio could run: in the sync context, a loop runs the interceptor.
            return self
        if self._generation != _fork.generation:
            self._generation = _fork.generation
            self._sync_made = grpc.intercept_channel(self._channel.sync_channel, self._interceptor)
        return self._sync_made

    def subscribe(
        self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool | None = False
    ) -> None:
        """See ``grpc.Channel.subscribe``."""
        self._channel.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """See ``grpc.Channel.unsubscribe``."""
        self._channel.unsubscribe(callback)

    def unary_unary(self, method: str, *arguments: Any, **named: Any) -> Any:
        """See ``grpc.Channel.unary_unary``."""
        return self._intercepted("unary_unary", InterceptedUnaryUnary, method, arguments, named)

    def unary_stream(self, method: str, *arguments: Any, **named: Any) -> Any:
        """See ``grpc.Channel.unary_stream``."""
        return self._intercepted("unary_stream", InterceptedUnaryStream, method, arguments, named)

    def stream_unary(self, method: str, *arguments: Any, **named: Any) -> Any:
        """See ``grpc.Channel.stream_unary``."""
        return self._intercepted("stream_unary", InterceptedStreamUnary, method, arguments, named)

    def stream_stream(self, method: str, *arguments: Any, **named: Any) -> Any:
        """See ``grpc.Channel.stream_stream``."""
        return self._intercepted("stream_stream", InterceptedStreamStream, method, arguments, named)

    def _intercepted(
        self, kind: str, wrapper: type[InterceptedMultiCallable], method: str, arguments: Any, named: Any
    ) -> Any:
        inner = getattr(self._channel, kind)(method, *arguments, **named)
        if not isinstance(self._interceptor, (_SYNC_KINDS[kind], _ASYNC_KINDS[kind])):
            return inner
        intercept = getattr(self._interceptor, f"intercept_{kind}")
        if self._is_async:
            return wrapper(inner, None, method, intercept)

        def make_sync() -> Any:
            self.check_open()
            return getattr(self.sync_channel, kind)(method, *arguments, **named)

        return wrapper(inner, make_sync, method, intercept)

    def check_open(self) -> None:
        """Raise what grpcio raises for a call on a channel that was closed."""
        check = getattr(self._channel, "check_open", None)
        if check is not None:
            check()

    def close(self) -> Any:
        """See ``grpc.Channel.close``; awaitable in a coroutine."""
        return self._channel.close()

    def __enter__(self) -> InterceptedChannel:
        self._channel.__enter__()
        return self

    def __exit__(self, *reason: object) -> Any:
        return self._channel.__exit__(*reason)

    async def __aenter__(self) -> InterceptedChannel:
        await self._channel.__aenter__()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._channel.__aexit__(*reason)


def intercept_channel(channel: Any, *interceptors: Any) -> Any:
    """A channel that passes its calls through the interceptors, the first outermost."""
    for interceptor in reversed(interceptors):
        if not isinstance(interceptor, (*_SYNC_KINDS.values(), *_ASYNC_KINDS.values())):
            raise TypeError(
                "interceptor must be grpc.UnaryUnaryClientInterceptor or "
                "grpc.UnaryStreamClientInterceptor or grpc.StreamUnaryClientInterceptor or "
                "grpc.StreamStreamClientInterceptor or "
            )
        channel = InterceptedChannel(channel, interceptor)
    return channel


# ---- multi-callables ---------------------------------------------------------------------------------


class InterceptedMultiCallable:
    """What the four have in common."""

    _response_streaming = False

    def __init__(
        self, inner: Any, make_sync: Callable[[], Any] | None, method: str, intercept: Callable[..., Any]
    ) -> None:
        self._inner = inner
        self._make_sync = make_sync or self._make_blocking
        self._generation = -1
        self._sync_made: Any = None
        self._method = method if isinstance(method, str) else method.decode()
        self._intercept = intercept
        self._is_async = inspect.iscoroutinefunction(intercept)

    def _make_blocking(self) -> _OnBackgroundLoop:
        return _OnBackgroundLoop(self._invoke)

    @property
    def _sync(self) -> Any:
        if self._generation != _fork.generation:
            self._generation = _fork.generation
            self._sync_made = self._make_sync()
        return self._sync_made

    def _invoke(self, request: Any, timeout: float | None, metadata: Any, *others: Any) -> Any:
        start = self._inner if self._response_streaming else self._inner.future
        details = ClientCallDetails(self._method, timeout, metadata, *others)
        outcome: Any
        if self._is_async:
            aio_details = grpc.aio.ClientCallDetails(
                self._method, timeout, grpc.aio.Metadata(*(outgoing(metadata) or ())), *others[:2]
            )

            async def awaited(new_details: Any, new_request: Any) -> Any:
                return start(new_request, *_merged(details, new_details))

            outcome = self._intercept(awaited, aio_details, request)
        else:

            def continuation(new_details: Any, new_request: Any) -> Any:
                with async_scope():
                    return start(new_request, *_merged(details, new_details))

            outcome = run_sync(self._outcome_of, continuation, details, request)
        if isinstance(outcome, Call):
            return outcome
        return InterceptedStreamCall(outcome) if self._response_streaming else InterceptedCall(outcome)

    def _outcome_of(self, continuation: Callable[..., Any], details: ClientCallDetails, request: Any) -> Any:
        try:
            return self._intercept(continuation, details, request)
        except Exception as error:
            # As on grpcio: the caller meets it where it asks for the result.
            return Failed(error)

    def __call__(
        self,
        request: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """As the multi-callable that is intercepted."""
        start = self._sync if running_loop() is None else self._invoke
        return start(request, timeout, metadata, credentials, wait_for_ready, compression)


class _InterceptedUnaryResponse(InterceptedMultiCallable):
    def with_call(
        self,
        request: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """As the multi-callable that is intercepted."""
        arguments = request, timeout, metadata, credentials, wait_for_ready, compression
        if running_loop() is None:
            return self._sync.with_call(*arguments)
        return WithCall(self._invoke(*arguments))

    def future(
        self,
        request: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """As the multi-callable that is intercepted."""
        start = self._sync.future if running_loop() is None else self._invoke
        return start(request, timeout, metadata, credentials, wait_for_ready, compression)


class InterceptedUnaryUnary(_InterceptedUnaryResponse, _grpc_types.UnaryUnaryMultiCallable):
    """An intercepted unary-unary method."""


class InterceptedStreamUnary(_InterceptedUnaryResponse, _grpc_types.StreamUnaryMultiCallable):
    """An intercepted stream-unary method."""


class InterceptedUnaryStream(InterceptedMultiCallable, _grpc_types.UnaryStreamMultiCallable):
    """An intercepted unary-stream method."""

    _response_streaming = True


class InterceptedStreamStream(InterceptedMultiCallable, _grpc_types.StreamStreamMultiCallable):
    """An intercepted stream-stream method."""

    _response_streaming = True


grpc.aio.UnaryUnaryMultiCallable.register(InterceptedUnaryUnary)
grpc.aio.UnaryStreamMultiCallable.register(InterceptedUnaryStream)
grpc.aio.StreamUnaryMultiCallable.register(InterceptedStreamUnary)
grpc.aio.StreamStreamMultiCallable.register(InterceptedStreamStream)


def _merged(old: ClientCallDetails, new: Any) -> Sequence[Any]:
    """timeout, metadata, credentials, wait_for_ready, compression: the interceptor's where it has one."""
    return tuple(
        getattr(new, name, None) if getattr(new, name, None) is not None else getattr(old, name)
        for name in _ClientCallDetails._fields[1:]
    )


# ---- in the sync context ----------------------------------------------------------------------------


class _OnBackgroundLoop:
    """What an async interceptor's method does in the sync context."""

    def __init__(self, invoke: Callable[..., Any]) -> None:
        self._invoke = invoke

    def __call__(self, *arguments: Any) -> Any:
        return run(self._response(*arguments))

    def with_call(self, *arguments: Any) -> Any:
        return run(self._with_call(*arguments))

    def future(self, *arguments: Any) -> Any:
        return run(self._call(*arguments))

    async def _call(self, *arguments: Any) -> Any:
        return self._invoke(*arguments)

    async def _response(self, *arguments: Any) -> Any:
        call = self._invoke(*arguments)
        return call if isinstance(call, InterceptedStreamCall) else await call

    async def _with_call(self, *arguments: Any) -> Any:
        call = self._invoke(*arguments)
        return await call, call
