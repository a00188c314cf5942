"""Client interceptors around calls of either colour.

In the sync context grpcio's own interception runs. In a coroutine the interceptor, written for grpcio,
runs on the loop's thread and may wait for what its continuation returns (see ``_bridge``); one whose
methods are coroutine functions is awaited.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Sequence
from typing import Any, NamedTuple

import grpc

from grpc_bridge import _grpc_types
from grpc_bridge._border import async_scope, running_loop
from grpc_bridge._bridge import can_wait_here, run_sync, wait_here
from grpc_bridge._call import Call
from grpc_bridge._errors import WouldDeadlock
from grpc_bridge._multicallable import WithCall

_KINDS = {
    "unary_unary": grpc.UnaryUnaryClientInterceptor,
    "unary_stream": grpc.UnaryStreamClientInterceptor,
    "stream_unary": grpc.StreamUnaryClientInterceptor,
    "stream_stream": grpc.StreamStreamClientInterceptor,
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
        self.sync_channel = grpc.intercept_channel(channel.sync_channel, interceptor)

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
        if not isinstance(self._interceptor, _KINDS[kind]):
            return inner
        sync = getattr(self.sync_channel, kind)(method, *arguments, **named)
        return wrapper(inner, sync, method, getattr(self._interceptor, f"intercept_{kind}"))

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
        if not isinstance(interceptor, tuple(_KINDS.values())):
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

    def __init__(self, inner: Any, sync: Any, method: str, intercept: Callable[..., Any]) -> None:
        self._inner = inner
        self._sync = sync
        self._method = method if isinstance(method, str) else method.decode()
        self._intercept = intercept

    def _invoke(self, request: Any, timeout: float | None, metadata: Any, *others: Any) -> Any:
        details = ClientCallDetails(self._method, timeout, metadata, *others)
        start = self._inner if self._response_streaming else self._inner.future

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
            return _Failed(error)

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


def _merged(old: ClientCallDetails, new: Any) -> Sequence[Any]:
    """timeout, metadata, credentials, wait_for_ready, compression: the interceptor's where it has one."""
    return tuple(
        getattr(new, name, None) if getattr(new, name, None) is not None else getattr(old, name)
        for name in _ClientCallDetails._fields[1:]
    )


# ---- what comes out ----------------------------------------------------------------------------------


class _Failed:
    """The outcome of an interceptor that raised."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def result(self, timeout: float | None = None) -> Any:
        raise self._error

    def exception(self, timeout: float | None = None) -> BaseException:
        return self._error

    def done(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._error, name)


class InterceptedCall(grpc.Call, _grpc_types.Future):
    """The call of an interceptor that has to wait, or that returned something of its own."""

    def __init__(self, outcome: Any) -> None:
        if inspect.isawaitable(outcome):
            outcome = asyncio.ensure_future(outcome)
            outcome.add_done_callback(_seen)
        self._outcome = outcome

    async def _settled(self) -> Any:
        outcome = self._outcome
        while isinstance(outcome, asyncio.Future):
            outcome = await outcome
        self._outcome = outcome
        return outcome

    def _now(self) -> Any:
        """The outcome, if it is known; else None."""
        outcome = self._outcome
        while isinstance(outcome, asyncio.Future) and outcome.done() and not outcome.cancelled():
            outcome = outcome.result()
        return None if isinstance(outcome, asyncio.Future) else outcome

    def _ask(self, name: str, *arguments: Any) -> Any:
        if running_loop() is not None:
            return self._ask_later(name, *arguments)
        if can_wait_here():
            return wait_here(self._ask_later(name, *arguments))
        outcome = self._now()
        if outcome is None:
            raise WouldDeadlock(
                f"{name}() of an intercepted call would block the loop that has to end it; await it instead"
            )
        return getattr(outcome, name)(*arguments)

    async def _ask_later(self, name: str, *arguments: Any) -> Any:
        value = getattr(await self._settled(), name)(*arguments)
        return await value if inspect.isawaitable(value) else value

    def __await__(self) -> Generator[Any, None, Any]:
        return self._response().__await__()

    async def _response(self) -> Any:
        outcome = await self._settled()
        if isinstance(outcome, (Call, InterceptedCall)):
            return await outcome
        return outcome.result()

    def result(self, timeout: float | None = None) -> Any:
        """The response, or the error raised."""
        return self._ask("result", timeout)

    def exception(self, timeout: float | None = None) -> Any:
        """The error, or None."""
        return self._ask("exception", timeout)

    def traceback(self, timeout: float | None = None) -> Any:
        """The error's traceback, or None."""
        return self._ask("traceback", timeout)

    def code(self) -> Any:
        """The status."""
        return self._ask("code")

    def details(self) -> Any:
        """The status's details."""
        return self._ask("details")

    def debug_error_string(self) -> Any:
        """C-core's account of what went wrong."""
        return self._ask("debug_error_string")

    def initial_metadata(self) -> Any:
        """The metadata before the first response."""
        return self._ask("initial_metadata")

    def trailing_metadata(self) -> Any:
        """The metadata with the status."""
        return self._ask("trailing_metadata")

    def done(self) -> bool:
        """Whether the call is over."""
        outcome = self._now()
        return outcome is not None and bool(outcome.done())

    def running(self) -> bool:
        """Whether the call is not over."""
        return not self.done()

    def is_active(self) -> bool:
        """Whether the call is not over."""
        return not self.done()

    def cancelled(self) -> bool:
        """Whether the call was cancelled."""
        outcome = self._now()
        if outcome is None:
            return isinstance(self._outcome, asyncio.Future) and self._outcome.cancelled()
        return bool(outcome.cancelled())

    def cancel(self) -> bool:
        """End the call; False when it was over."""
        outcome = self._now()
        return bool((self._outcome if outcome is None else outcome).cancel())

    def time_remaining(self) -> Any:
        """Seconds to the deadline, if the call has started and has one."""
        outcome = self._now()
        return None if outcome is None else outcome.time_remaining()

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Call `callback` when the call is over; False if it is."""
        if self.done():
            return False
        self.add_done_callback(lambda _: callback())
        return True

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """Call `fn` with this call when it is over."""
        outcome = self._now()
        if outcome is None:
            self._outcome.add_done_callback(lambda _: self.add_done_callback(fn))
        else:
            outcome.add_done_callback(lambda _: fn(self))


def _seen(task: asyncio.Future[Any]) -> None:
    # An outcome that nobody asks for is not an error of the loop's.
    if not task.cancelled():
        task.exception()


class InterceptedStreamCall(InterceptedCall):
    """The same, for a stream of responses."""

    def __init__(self, outcome: Any) -> None:
        super().__init__(outcome)
        self._iterator: Any = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Any]:
        return self._next()

    async def _next(self) -> Any:
        if self._iterator is None:
            outcome = await self._settled()
            if isinstance(outcome, _Failed):
                outcome.result()
            self._iterator = outcome.__aiter__() if hasattr(outcome, "__aiter__") else iter(outcome)
        if hasattr(self._iterator, "__anext__"):
            return await self._iterator.__anext__()
        # A wrapper around the responses, written for grpcio: it may wait for the next one.
        step = run_sync(next, self._iterator, _END)
        response = await step if isinstance(step, asyncio.Task) else step
        if response is _END:
            raise StopAsyncIteration
        return response

    async def read(self) -> Any:
        """The next response, or ``grpc.aio.EOF``."""
        try:
            return await self._next()
        except StopAsyncIteration:
            return grpc.aio.EOF


_END = object()
