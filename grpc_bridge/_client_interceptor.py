"""Client interceptors around calls of either colour.

In the sync context grpcio's own interception runs an interceptor that was written for grpcio. In a coroutine
it runs on the loop's thread and may wait for what its continuation returns (see ``_bridge``). One that was
written for `grpc.aio` is awaited, in the sync context on the background loop.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, NamedTuple, cast

import grpc
import grpc.aio

from grpc_bridge import _fork, _grpc_types, _signature
from grpc_bridge._border import async_scope, run_in_background, running_loop, warn_if_blocking
from grpc_bridge._bridge import can_wait_here, run_sync, wait_here
from grpc_bridge._call import Call
from grpc_bridge._intercepted_call import (
    InterceptedCall,
    InterceptedStreamStreamCall,
    InterceptedStreamUnaryCall,
    InterceptedUnaryStreamCall,
    InterceptedUnaryUnaryCall,
)
from grpc_bridge._metadata import as_pairs, outgoing
from grpc_bridge._multicallable import WithCall, seconds, without_requests
from grpc_bridge._outcome import Failed
from grpc_bridge._passage import Passage
from grpc_bridge._request_stream import ForSync, Pipe, as_given, for_interceptor

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

    # Whether a call that was cancelled raises what a cancelled task raises; grpc_bridge.aio's does.
    cancels_as_task = False
    # What it becomes when it is intercepted itself.
    intercepted_class: type[InterceptedChannel]

    def __init__(self, channel: Any, interceptor: Any) -> None:
        self._channel = channel
        self._interceptor = interceptor
        self._generation = -1
        self._grpcio_made: Any = None

    @property
    def target(self) -> str:
        """Where its calls go."""
        return getattr(self._channel, "target", "")

    @property
    def sync_channel(self) -> Any:
        """The channel of the sync context."""
        if any(_is_async(self._interceptor, kind) for kind in _SYNC_KINDS):
            return self  # nothing that grpcio could run
        return self.grpcio_channel

    @property
    def grpcio_channel(self) -> Any:
        """grpcio's own interception."""
        if self._generation != _fork.generation:
            self._grpcio_made = grpc.intercept_channel(
                getattr(self._channel, "sync_channel", self._channel), self._interceptor
            )
            self._generation = _fork.generation  # last: another thread may be asking
        return self._grpcio_made

    def subscribe(
        self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool | None = False
    ) -> None:
        """See ``grpc.Channel.subscribe``."""
        self._channel.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """See ``grpc.Channel.unsubscribe``."""
        self._channel.unsubscribe(callback)

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        """See ``grpc.Channel.unary_unary``."""
        codec = request_serializer, response_deserializer
        return self._intercepted(InterceptedUnaryUnary, method, codec, _registered_method)

    def unary_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        """See ``grpc.Channel.unary_stream``."""
        codec = request_serializer, response_deserializer
        return self._intercepted(InterceptedUnaryStream, method, codec, _registered_method)

    def stream_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        """See ``grpc.Channel.stream_unary``."""
        codec = request_serializer, response_deserializer
        return self._intercepted(InterceptedStreamUnary, method, codec, _registered_method)

    def stream_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        """See ``grpc.Channel.stream_stream``."""
        codec = request_serializer, response_deserializer
        return self._intercepted(InterceptedStreamStream, method, codec, _registered_method)

    def _intercepted(
        self, wrapper: type[InterceptedMultiCallable], method: str, codec: Any, registered: bool | None
    ) -> Any:
        kind = wrapper.kind
        named = {"_registered_method": True} if registered else {}

        def make(inner_method: str) -> Any:
            return getattr(self._channel, kind)(inner_method, *codec, **named)

        def make_sync() -> Any:
            with self.held_open():
                return getattr(self.grpcio_channel, kind)(method, *codec, **named)

        if not isinstance(self._interceptor, (_SYNC_KINDS[kind], _ASYNC_KINDS[kind])):
            return make(method)
        return wrapper(self, make, make_sync, method, self._interceptor)

    def held_open(self) -> AbstractContextManager[None]:
        """As the channel's own, where it is one of ours."""
        held = getattr(self._channel, "held_open", nullcontext)
        return held()

    # ---- what grpc.aio adds -----------------------------------------------------------------------

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """See ``grpc.aio.Channel.get_state``."""
        return self._channel.get_state(try_to_connect)  # type: ignore[no-any-return]

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """See ``grpc.aio.Channel.wait_for_state_change``."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """See ``grpc.aio.Channel.channel_ready``."""
        await self._channel.channel_ready()

    # ---- its end ----------------------------------------------------------------------------------

    def close(self, *arguments: Any) -> Any:
        """Close the channel that is intercepted; awaitable in a coroutine."""
        return self._channel.close(*arguments)

    def close_now(self) -> None:
        """Close it, whatever context this is."""
        self._channel.close_now()

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


InterceptedChannel.intercepted_class = InterceptedChannel


def _is_async(interceptor: Any, kind: str) -> bool:
    """Whether its method for that kind of call is awaited: it is a coroutine function, or `grpc.aio`'s."""
    if not isinstance(interceptor, (_SYNC_KINDS[kind], _ASYNC_KINDS[kind])):
        return False
    if not isinstance(interceptor, _SYNC_KINDS[kind]):
        return True
    return inspect.iscoroutinefunction(getattr(interceptor, f"intercept_{kind}"))


def intercept_channel(channel: Any, *interceptors: Any) -> Any:
    """A channel that passes its calls through the interceptors, the first outermost.

    Each is of one or more of the classes of `grpc` and `grpc.aio`, in any mix; ``TypeError`` if it is of
    none. In a coroutine the sync ones run on the loop's thread: they may wait for the call, but hold the loop
    up if they block otherwise. Calls that are made in a thread await the others on a background loop. Never
    blocks, needs no loop.
    """
    for interceptor in reversed(interceptors):
        if not isinstance(interceptor, (*_SYNC_KINDS.values(), *_ASYNC_KINDS.values())):
            raise TypeError(
                "interceptor must be grpc.UnaryUnaryClientInterceptor or "
                "grpc.UnaryStreamClientInterceptor or grpc.StreamUnaryClientInterceptor or "
                "grpc.StreamStreamClientInterceptor or "
            )
        channel = getattr(channel, "intercepted_class", InterceptedChannel)(channel, interceptor)
    return channel


# ---- multi-callables ---------------------------------------------------------------------------------


class InterceptedMultiCallable:
    """What the four have in common."""

    kind: ClassVar[str]
    _request_streaming: ClassVar[bool]
    _response_streaming: ClassVar[bool]
    _call_class: ClassVar[type[InterceptedCall]]

    def __init__(
        self,
        channel: InterceptedChannel,
        make: Callable[[str], Any],
        make_sync: Callable[[], Any],
        method: str,
        interceptor: Any,
    ) -> None:
        self._channel = channel
        self._make = make
        self._method = method if isinstance(method, str) else method.decode()
        # What is intercepted, by its method: an interceptor may send a call elsewhere.
        self._inner = {self._method: make(self._method)}
        self._intercept = getattr(interceptor, f"intercept_{self.kind}")
        self._is_async = _is_async(interceptor, self.kind)
        # `grpc.aio` tells its interceptors less than grpcio does, and the method's name as bytes.
        self._details_of_aio = self._is_async and not isinstance(interceptor, _SYNC_KINDS[self.kind])
        self._make_sync = make_sync
        self._generation = -1
        self._sync_made: Any = None

    @property
    def _sync(self) -> Any:
        if self._generation != _fork.generation:
            self._sync_made = self._make_sync()
            self._generation = _fork.generation  # last: another thread may be asking
        return self._sync_made

    # ---- in a coroutine ---------------------------------------------------------------------------

    def _invoke(self, request: Any, timeout: float | None, metadata: Any, *others: Any) -> Any:
        """What the interceptor makes of the call; a call whatever it is."""
        details = ClientCallDetails(self._method, timeout, metadata, *others)
        passage = Passage(self._method, timeout, self._channel.cancels_as_task)
        if self._request_streaming:
            if request is None:
                request = passage.pipe = Pipe()
            request = for_interceptor(request, self._is_async)
            if isinstance(request, ForSync):
                passage.for_sync = request
        outcome: Any
        if self._is_async:
            outcome = self._intercept_async(passage, details, request)
        else:
            outcome = run_sync(self._intercept_sync, passage, details, request)
        passage.take(outcome)
        if isinstance(outcome, Call) and passage.pipe is None:
            return outcome
        return self._call_class(passage)

    def _intercept_async(self, passage: Passage, details: ClientCallDetails, request: Any) -> Any:
        async def continuation(new_details: Any, new_request: Any) -> Any:
            call = self._proceed(passage, details, new_details, new_request)
            if isinstance(call, InterceptedCall):
                await call.passed()
            return call

        told: Any = details
        if self._details_of_aio:
            told = grpc.aio.ClientCallDetails(
                cast(Any, details.method.encode()),
                details.timeout,
                grpc.aio.Metadata(*(outgoing(details.metadata) or ())),
                details.credentials,
                details.wait_for_ready,
            )
        try:
            return self._intercept(continuation, told, request)
        except Exception as error:
            return Failed(error)

    def _intercept_sync(self, passage: Passage, details: ClientCallDetails, request: Any) -> Any:
        def continuation(new_details: Any, new_request: Any) -> Any:
            try:
                with async_scope():
                    return self._proceed(passage, details, new_details, new_request)
            except grpc.RpcError as error:
                if self._response_streaming:
                    raise
                return error

        try:
            return self._intercept(continuation, details, request)
        except Exception as error:
            # As on grpcio: the caller meets it where it asks for the result.
            return Failed(error)

    def _proceed(self, passage: Passage, details: ClientCallDetails, new_details: Any, request: Any) -> Any:
        method, *arguments = (
            getattr(new_details, name, getattr(details, name)) for name in ClientCallDetails._fields
        )
        method = method.decode() if isinstance(method, bytes) else method
        inner = self._inner.get(method)
        if inner is None:
            inner = self._inner[method] = self._make(method)
        if self._request_streaming:
            request = as_given(request)
        call = (inner if self._response_streaming else inner.future)(request, *arguments)
        passage.call = call
        return call

    # ---- in both contexts --------------------------------------------------------------------------

    def _call(self, request: Any, *arguments: Any) -> Any:
        if running_loop() is not None:
            call = self._invoke(request, *arguments)
            # What the interceptor did with the call is not what its caller does.
            return call.another_handle() if isinstance(call, Call) else call
        if can_wait_here():
            with async_scope():
                call = self._invoke(request, *arguments)
            return call if self._response_streaming else wait_here(call)
        warn_if_blocking(self._method, self._channel.target)
        if self._request_streaming and request is None:
            return self._by_hand(*arguments)
        if not self._is_async:
            return self._sync(request, *_for_grpcio(*arguments))
        return run_in_background(self._in_background(request, arguments, self._response_streaming))

    async def _in_background(self, request: Any, arguments: Any, as_call: bool) -> Any:
        call = self._invoke(request, *arguments)
        return call if as_call else await call

    def _by_hand(self, *arguments: Any) -> Any:
        call = run_in_background(self._in_background(None, arguments, True))
        call.used = True
        return call


def _for_grpcio(timeout: float | None, metadata: Any, *others: Any) -> tuple[Any, ...]:
    return seconds(timeout), as_pairs(metadata), *others


class _UnaryResponse(InterceptedMultiCallable):
    _response_streaming = False

    def _with_call(self, request: Any, *arguments: Any) -> Any:
        if self._request_streaming and request is None:
            raise without_requests(self._method)
        if running_loop() is not None:
            return WithCall(self._call(request, *arguments))
        if can_wait_here():
            with async_scope():
                return wait_here(WithCall(self._invoke(request, *arguments)))
        warn_if_blocking(self._method, self._channel.target)
        if not self._is_async:
            return self._sync.with_call(request, *_for_grpcio(*arguments))
        return run_in_background(self._response_and_call(request, arguments))

    async def _response_and_call(self, request: Any, arguments: Any) -> Any:
        call = self._invoke(request, *arguments)
        return await call, call

    def _future(self, request: Any, *arguments: Any) -> Any:
        if running_loop() is not None:
            call = self._invoke(request, *arguments)
        elif can_wait_here():
            with async_scope():
                call = self._invoke(request, *arguments)
        elif self._request_streaming and request is None:
            call = self._by_hand(*arguments)
        elif not self._is_async:
            return self._sync.future(request, *_for_grpcio(*arguments))
        else:
            call = run_in_background(self._in_background(request, arguments, True))
        call.claimed = True
        return call


class _StreamResponse(InterceptedMultiCallable):
    _response_streaming = True


class InterceptedUnaryUnary(_UnaryResponse, _signature.UnaryUnary, _grpc_types.UnaryUnaryMultiCallable):
    """An intercepted unary-unary method."""

    kind = "unary_unary"
    _request_streaming = False
    _call_class = InterceptedUnaryUnaryCall


class InterceptedStreamUnary(_UnaryResponse, _signature.StreamUnary, _grpc_types.StreamUnaryMultiCallable):
    """An intercepted stream-unary method."""

    kind = "stream_unary"
    _request_streaming = True
    _call_class = InterceptedStreamUnaryCall


class InterceptedUnaryStream(_StreamResponse, _signature.UnaryRequest, _grpc_types.UnaryStreamMultiCallable):
    """An intercepted unary-stream method."""

    kind = "unary_stream"
    _request_streaming = False
    _call_class = InterceptedUnaryStreamCall


class InterceptedStreamStream(
    _StreamResponse, _signature.StreamRequest, _grpc_types.StreamStreamMultiCallable
):
    """An intercepted stream-stream method."""

    kind = "stream_stream"
    _request_streaming = True
    _call_class = InterceptedStreamStreamCall


grpc.aio.UnaryUnaryMultiCallable.register(InterceptedUnaryUnary)
grpc.aio.UnaryStreamMultiCallable.register(InterceptedUnaryStream)
grpc.aio.StreamUnaryMultiCallable.register(InterceptedStreamUnary)
grpc.aio.StreamStreamMultiCallable.register(InterceptedStreamStream)
