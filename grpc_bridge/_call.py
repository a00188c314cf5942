"""What a call offers in a coroutine: grpcio's `Call` and `Future`, and `grpc.aio`'s call objects, in one.

Members that can block on grpcio return awaitables here; in the sync context, and once the call has
ended, a plain thread gets the values themselves.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import grpc.aio

from grpc_bridge import _grpc_types
from grpc_bridge._border import run_callback, running_loop, sync_way, within
from grpc_bridge._conversation import Conversation, Reading, Writing
from grpc_bridge._cy.client_call import CallHandle, ClientCall
from grpc_bridge._errors import STATUS_CODES, UnawaitedCallWarning
from grpc_bridge._metadata import Metadata
from grpc_bridge._stream import feed

T = TypeVar("T")

_RUNNING = -1
_OK = 0
_COLLECTED = "Cancelled upon garbage collection!"


class Rendezvous(grpc.RpcError, grpc.Call, _grpc_types.Future):  # type: ignore[misc]
    """What grpcio's own call objects are; never instantiated."""


class Call(Conversation, CallHandle):
    """The members that calls of every arity have."""

    __slots__ = ("__dict__",)  # anybody may keep something on a call, as on grpcio's; made when it is needed

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        # Code written for grpcio asks what it got with isinstance: there a call is a grpc.Call, a grpc.Future
        # and a grpc.RpcError. An exception's memory layout cannot be ours, so only the question is answered.
        return Rendezvous

    def _home(self) -> tuple[asyncio.AbstractEventLoop, str]:
        return self.core.loop, self.core.method

    def another_handle(self) -> Call:
        """The same RPC for somebody else: what was done with this handle does not count for theirs.

        This one ends nothing any more when it is dropped.
        """
        self.claimed = True
        other: Call = type(self).__new__(type(self))
        CallHandle.__init__(other, self.core)
        other.fed = self.fed
        return other

    # ---- how it stands: never blocks --------------------------------------------------------------

    def is_active(self) -> bool:
        """Whether the RPC has not ended."""
        return self.core.code == _RUNNING

    def running(self) -> bool:
        """Whether the RPC has not ended."""
        return self.core.code == _RUNNING

    def done(self) -> bool:
        """Whether the RPC has ended, for whatever reason."""
        return self.core.code != _RUNNING

    def cancelled(self) -> bool:
        """Whether `cancel` ended the RPC, here or on the server."""
        return self.core.cancelled_here

    def time_remaining(self) -> float | None:
        """Seconds to the deadline, not below 0; None without one."""
        deadline = self.core.deadline
        return None if deadline is None else max(deadline - time.time(), 0.0)

    def cancel(self) -> bool:
        """End the RPC with CANCELLED; False when it had ended before. From any thread."""
        self.claimed = True
        if self.core.code != _RUNNING:
            return False
        if asyncio._get_running_loop() is self.core.loop:
            return self.core.cancel_call()
        self.core.cancel_soon()
        return True

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Call `callback` once the RPC has ended; False, and no call, if it has ended before.

        It is a plain function and runs in the sync context on the loop's thread. From any thread.
        """
        self.claimed = True
        return self.core.add_callback(callback)

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """Call `fn` with this call once it has ended; at once if it has.

        `fn` is a plain function and runs in the sync context on the loop's thread.
        """
        self.claimed = True
        if not self.core.add_callback(lambda: fn(self)):
            run_callback(lambda: fn(self))

    # ---- what it ended with: blocks on grpcio, so awaitable here -----------------------------------

    def code(self) -> Any:
        """The ``grpc.StatusCode`` once the RPC has ended: awaited in a coroutine, in a thread waited for."""
        return self._at_end(lambda core: STATUS_CODES.get(core.code, grpc.StatusCode.UNKNOWN))

    def details(self) -> Any:
        """The RPC's details, a str, once it has ended; as `code`."""
        return self._at_end(lambda core: core.details)

    def debug_error_string(self) -> Any:
        """C-core's account of what went wrong, once the RPC has ended; as `code`."""
        return self._at_end(lambda core: core.debug)

    def trailing_metadata(self) -> Any:
        """The metadata that came with the status, pairs of a key and a value; as `code`."""
        return self._at_end(lambda core: Metadata(core.trailers or ()))

    def initial_metadata(self) -> Any:
        """The metadata that came before the first response: awaited in a coroutine, in a thread waited for.

        Empty where the RPC ended without any.
        """
        core = self.core
        self.claimed = True
        if running_loop() is not None:
            return self._headers_later()
        if core.headers is None:
            self._wait_here(core.headers_waiter, None)
        return Metadata(core.headers or ())

    async def _headers_later(self) -> Metadata:
        if self.core.headers is None:
            await self.core.headers_waiter()
        return Metadata(self.core.headers or ())

    def result(self, timeout: float | None = None) -> Any:
        """The response: awaited in a coroutine, in a thread waited for.

        Raises the RPC's error, ``grpc.FutureCancelledError`` where `cancel` ended it, and
        ``grpc.FutureTimeoutError`` after `timeout` seconds; the RPC goes on then.
        """
        return self._at_end(self._result_of, timeout)

    def exception(self, timeout: float | None = None) -> Any:
        """The RPC's error, or None: awaited in a coroutine, in a thread waited for.

        Raises ``grpc.FutureCancelledError`` and ``grpc.FutureTimeoutError`` as `result`, with `timeout` in
        seconds.
        """
        return self._at_end(self._exception_of, timeout)

    def traceback(self, timeout: float | None = None) -> Any:
        """The traceback of the RPC's error, or None; as `exception`. `timeout` is in seconds."""
        return self._at_end(self._traceback_of, timeout)

    @staticmethod
    def _result_of(core: ClientCall) -> Any:
        if core.code == _OK:
            return core.result_now
        if core.cancelled_here:
            raise grpc.FutureCancelledError()
        raise core.error()

    @staticmethod
    def _exception_of(core: ClientCall) -> Any:
        if core.code == _OK:
            return None
        if core.cancelled_here:
            raise grpc.FutureCancelledError()
        return core.error()

    @classmethod
    def _traceback_of(cls, core: ClientCall) -> TracebackType | None:
        error = cls._exception_of(core)
        return None if error is None else error.traceback()

    async def wait_for_connection(self) -> None:
        """Wait until the channel is connected and the call on its way (initial metadata counts)."""
        self.used = True
        await self._headers_later()

    # ---- how to wait ------------------------------------------------------------------------------

    def _at_end(self, read: Callable[[ClientCall], T], timeout: float | None = None) -> Any:
        self.claimed = True
        if running_loop() is not None:
            return self._read_later(read, timeout)
        if self.core.code == _RUNNING:
            self._wait_here(self.core.end_waiter, timeout)
        return read(self.core)

    async def _read_later(self, read: Callable[[ClientCall], T], timeout: float | None) -> T:
        core = self.core
        if core.code == _RUNNING:
            try:
                await within(timeout, core.end_waiter())
            except asyncio.TimeoutError:
                raise grpc.FutureTimeoutError() from None
        return read(core)

    def _wait_here(self, waiter: Callable[[], asyncio.Future[None]], timeout: float | None) -> None:
        """Wait in the sync context for a future of the loop's."""

        async def wait() -> None:
            await within(timeout, waiter())

        try:
            self._wait(wait)
        except asyncio.TimeoutError:
            raise grpc.FutureTimeoutError() from None

    def abandoned(self) -> None:
        """The last reference went while the RPC runs, and nobody waits: end it."""
        core = self.core
        if core.code == _RUNNING:
            core.cancel_soon(1, _COLLECTED)
        if not self.used:
            warn_unawaited(core.method, core.response_streaming, self.origin)

    def __repr__(self) -> str:
        core = self.core
        name = type(self).__name__
        if core.code == _RUNNING:
            return f"<{name} of RPC {core.method}, in flight>"
        status = STATUS_CODES.get(core.code, grpc.StatusCode.UNKNOWN)
        return f'<{name} of RPC that terminated with:\n\tstatus = {status}\n\tdetails = "{core.details}"\n>'


def warn_unawaited(method: str, response_streaming: bool, origin: str | None) -> None:
    """A call was thrown away before anybody looked at it."""
    wait = "iterated over" if response_streaming else "awaited"
    where = "" if origin is None else f" (started at {origin})"
    remedy = "" if response_streaming else "; if nobody is to wait for it, start it with .future()"
    warnings.warn(
        f"a call of {method}{where} was never {wait} and is cancelled{remedy}",
        UnawaitedCallWarning,
        stacklevel=3,
    )


class UnaryResponseCall(Call):
    """A call with one response: ``await call`` gives it, or raises the RPC's error."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            if not name.startswith("_"):
                message += f"; if the response of {self.core.method} has it, await the call{sync_way()}"
            raise AttributeError(message, name=name, obj=self)


class StreamResponseCall(Reading, Call):
    """A call with a stream of responses: ``async for response in call``."""

    __slots__ = ("_reader",)

    def __await__(self) -> Generator[Any, None, Any]:
        raise TypeError(
            f"{self.core.method} returns a stream: iterate over the call (`async for response in call`), "
            "or take one response with `await anext(call)`, `await call.read()` or `await call.receive()`"
        )

    async def _next(self) -> Any:
        response = await self.core.next_message()
        if response is None:
            raise StopAsyncIteration
        return response

    def another_handle(self) -> Call:
        """See `Call.another_handle`."""
        other = super().another_handle()
        if hasattr(self, "_reader"):
            other._reader = self._reader  # type: ignore[attr-defined]
        return other


class StreamRequestCall(Writing, Call):
    """A call with a stream of requests, written by hand where no iterator was given."""

    __slots__ = ()

    def _requests_ended(self) -> bool:
        return self.core.half_closed

    async def _put(self, request: Any) -> bool:
        return await self.core.write(request)

    async def _end_requests(self) -> None:
        self.core.write_end()

    async def _raise_status(self) -> None:
        await self.core.end_waiter()
        if self.core.code != _OK:
            raise self.core.error()


def _feed(call: StreamRequestCall, requests: Any) -> None:
    call.fed = requests is not None
    try:
        feed(call.core, requests)
    except TypeError:
        call.claimed = True  # the caller never gets it
        raise


class UnaryUnaryCall(UnaryResponseCall):
    """The call of a unary-unary method."""

    __slots__ = ()


class UnaryStreamCall(StreamResponseCall):
    """The call of a unary-stream method."""

    __slots__ = ()


class StreamUnaryCall(StreamRequestCall, UnaryResponseCall):
    """The call of a stream-unary method."""

    __slots__ = ()

    def __init__(self, core: ClientCall, requests: Any) -> None:
        super().__init__(core)
        _feed(self, requests)


class StreamStreamCall(StreamRequestCall, StreamResponseCall):
    """The call of a stream-stream method."""

    __slots__ = ()

    def __init__(self, core: ClientCall, requests: Any) -> None:
        super().__init__(core)
        _feed(self, requests)


for _sync_class in (grpc.Call, grpc.Future):
    _sync_class.register(Call)
grpc.aio.UnaryUnaryCall.register(UnaryUnaryCall)
grpc.aio.UnaryStreamCall.register(UnaryStreamCall)
grpc.aio.StreamUnaryCall.register(StreamUnaryCall)
grpc.aio.StreamStreamCall.register(StreamStreamCall)
