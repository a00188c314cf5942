"""The call of an intercepted method, before its interceptor has returned and after."""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from collections.abc import Callable, Generator
from typing import Any, cast

import grpc
import grpc.aio

from grpc_bridge import _grpc_types
from grpc_bridge._border import call_in, running_loop, user_frame, within
from grpc_bridge._bridge import run_sync
from grpc_bridge._call import Rendezvous, warn_unawaited
from grpc_bridge._conversation import Conversation, Reading, Writing
from grpc_bridge._outcome import Cancelled, Failed
from grpc_bridge._passage import Passage, ended, is_call
from grpc_bridge._request_stream import Pipe

_END = object()


class InterceptedCall(Conversation, grpc.Call, _grpc_types.Future):
    """The call of an interceptor that has to wait, or that returned something of its own.

    What the user holds; the `passage` is what stays while the interceptor works.
    """

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        # as on `CallHandle`
        self.claimed = False
        self.used = False
        self.fed = passage.pipe is None
        self._origin = user_frame() if passage.loop.get_debug() else None

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return Rendezvous

    def _home(self) -> tuple[asyncio.AbstractEventLoop, str]:
        return self.passage.loop, self.passage.method

    async def passed(self) -> None:
        """Return when the interceptor has; raise what it has raised, as `grpc.aio`'s continuation does."""
        answering = await self.passage.settled()
        if isinstance(answering, Cancelled):
            raise asyncio.CancelledError
        if isinstance(answering, Failed):
            answering.result()

    # ---- the response -----------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, Any]:
        self.claimed = True
        return self._response().__await__()

    async def _response(self) -> Any:
        answering = await self.passage.owned()
        if is_call(answering):
            return await answering
        await ended(answering)
        return answering.result()

    # ---- what can be asked ------------------------------------------------------------------------

    def _ask(self, name: str, timeout: float | None = None) -> Any:
        self.claimed = True
        answering = self.passage.now()
        if running_loop() is None and answering is not None and answering.done():
            return getattr(answering, name)()
        return self._wait_or_await(self._ask_later, name, timeout)

    async def _ask_later(self, name: str, timeout: float | None) -> Any:
        try:
            return await within(timeout, self._value_of(name))
        except asyncio.TimeoutError:
            raise grpc.FutureTimeoutError() from None

    async def _value_of(self, name: str) -> Any:
        answering = await self.passage.settled()
        await ended(answering)
        value = getattr(answering, name)()
        return await value if inspect.isawaitable(value) else value

    def result(self, timeout: float | None = None) -> Any:
        """The response, or the error raised; ``grpc.FutureTimeoutError`` after `timeout` seconds."""
        return self._ask("result", timeout)

    def exception(self, timeout: float | None = None) -> Any:
        """The error, or None; ``grpc.FutureTimeoutError`` after `timeout` seconds."""
        return self._ask("exception", timeout)

    def traceback(self, timeout: float | None = None) -> Any:
        """The error's traceback, or None; ``grpc.FutureTimeoutError`` after `timeout` seconds."""
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

    async def wait_for_connection(self) -> None:
        """Wait until the interceptor has returned a call that is on its way."""
        self.used = True
        answering = await self.passage.owned()
        if is_call(answering):
            await answering.wait_for_connection()

    # ---- how it stands: never blocks --------------------------------------------------------------

    def done(self) -> bool:
        """Whether the call is over."""
        return self.passage.done()

    def running(self) -> bool:
        """Whether the call is not over."""
        return not self.passage.done()

    def is_active(self) -> bool:
        """Whether the call is not over."""
        return not self.passage.done()

    def cancelled(self) -> bool:
        """Whether the call was cancelled."""
        answering = self.passage.now()
        return self.passage.cancelled_here if answering is None else bool(answering.cancelled())

    def cancel(self) -> bool:
        """End the call; False when it was over. From any thread."""
        self.claimed = True
        return self.passage.cancel()

    def time_remaining(self) -> Any:
        """Seconds to the deadline, not below 0; None without one."""
        answering = self.passage.now()
        if answering is not None:
            return answering.time_remaining()
        deadline = self.passage.deadline
        return None if deadline is None else max(deadline - time.time(), 0.0)

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Call `callback` when the call is over; False if it is."""
        if self.passage.done():
            return False
        self.add_done_callback(lambda _: callback())
        return True

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """Call `fn` with this call when it is over, in the sync context on the loop's thread."""
        self.claimed = True
        if self.passage.now() is None and asyncio._get_running_loop() is not self.passage.loop:
            call_in(self.passage.loop, self.passage.when_over, lambda: fn(self))
        else:
            self.passage.when_over(lambda: fn(self))

    # ---- its end ----------------------------------------------------------------------------------

    # Bound here, for the module's own globals may be gone when the interpreter ends.
    def __del__(self, _is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if self.claimed or _is_finalizing():
            return
        if self.passage.done():
            if self.used:
                return
        else:
            self.passage.cancel()
        if not self.used:
            warn_unawaited(self.passage.method, self._response_streaming, self._origin)

    def __repr__(self) -> str:
        state = "ended" if self.passage.done() else "in flight"
        return f"<{type(self).__name__} of RPC {self.passage.method}, {state}>"


class InterceptedStreamResponse(Reading, InterceptedCall):
    """The same, for a stream of responses."""

    _iterator: Any = None

    def __await__(self) -> Generator[Any, None, Any]:
        raise TypeError(
            f"{self.passage.method} returns a stream: iterate over the call (`async for response in call`)"
        )

    async def _next(self) -> Any:
        if self._iterator is None:
            await self.passage.owned()
            responses = self.passage.returned
            self._iterator = responses.__aiter__() if hasattr(responses, "__aiter__") else iter(responses)
        if hasattr(self._iterator, "__anext__"):
            return await self._iterator.__anext__()
        # An iterator written for grpcio: it may wait for the next response.
        step = run_sync(next, self._iterator, _END)
        response = await self._step(step) if isinstance(step, asyncio.Task) else step
        if response is _END:
            raise StopAsyncIteration
        return response

    async def _step(self, step: asyncio.Task[Any]) -> Any:
        try:
            return await step
        except asyncio.CancelledError:
            # It may come together with the response: then the iterator has not heard of it.
            close = getattr(self._iterator, "close", None)
            if close is not None:
                run_sync(close)
            self.passage.cancel()
            raise


class InterceptedStreamRequest(Writing, InterceptedCall):
    """The same, for a stream of requests that may be written by hand."""

    def _requests_ended(self) -> bool:
        return self.passage.pipe is None or self.passage.pipe.ended

    async def _put(self, request: Any) -> bool:
        return await cast(Pipe, self.passage.pipe).put(request)

    async def _end_requests(self) -> None:
        if self.passage.pipe is not None:
            self.passage.pipe.end()

    async def _raise_status(self) -> None:
        self.passage.raise_if_failed(await self.passage.settled())
        try:
            error = await self._value_of("exception")
        except grpc.FutureCancelledError:
            raise self.passage.cancellation() from None
        if error is not None:
            raise error


class InterceptedUnaryUnaryCall(InterceptedCall):
    """The intercepted call of a unary-unary method."""


class InterceptedUnaryStreamCall(InterceptedStreamResponse):
    """The intercepted call of a unary-stream method."""


class InterceptedStreamUnaryCall(InterceptedStreamRequest):
    """The intercepted call of a stream-unary method."""


class InterceptedStreamStreamCall(InterceptedStreamRequest, InterceptedStreamResponse):
    """The intercepted call of a stream-stream method."""


grpc.aio.UnaryUnaryCall.register(InterceptedUnaryUnaryCall)
grpc.aio.InterceptedUnaryUnaryCall.register(InterceptedUnaryUnaryCall)
grpc.aio.UnaryStreamCall.register(InterceptedUnaryStreamCall)
grpc.aio.StreamUnaryCall.register(InterceptedStreamUnaryCall)
grpc.aio.StreamStreamCall.register(InterceptedStreamStreamCall)
