"""How a call's streams are read and written, in each style that a program may be written in.

Iteration is grpcio's; `read` and `write` are `grpc.aio`'s; `receive`, `send` and `done_sending` are what a
conversation reads best with. All are for the loop of the call; `for`, `receive`, `send` and `done_sending`
also for plain threads, where they block.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import grpc.aio

from grpc_bridge._border import run_on, running_loop, sync_way
from grpc_bridge._bridge import can_wait_here, wait_here
from grpc_bridge._errors import EOF, WouldDeadlock, bound_to_another_loop

T = TypeVar("T")

_END = object()


class Conversation:
    """What every call has: which loop it belongs to, and an end."""

    if not TYPE_CHECKING:
        __slots__ = ()  # what is assigned here has its slot in the class of the call

    used: bool
    _request_streaming = False
    _response_streaming = False

    # ---- what a call has to offer ------------------------------------------------------------------

    def _home(self) -> tuple[asyncio.AbstractEventLoop, str]:
        """The call's loop and its method's name."""
        raise SystemError("a call without a loop")

    def done(self) -> bool:
        """Whether the RPC has ended, for whatever reason."""
        raise SystemError("a call without an end")

    def cancel(self) -> bool:
        """End the RPC with CANCELLED; False when it had ended before. From any thread."""
        raise SystemError("a call without an end")

    # ---- where it is used ------------------------------------------------------------------------

    def _wait(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        """Wait, in the sync context, for what a coroutine function does on the call's loop."""
        loop, method = self._home()
        if asyncio._get_running_loop() is loop and can_wait_here():
            return wait_here(function(*arguments))
        if asyncio._get_running_loop() is loop or not loop.is_running():
            raise WouldDeadlock(
                f"{method}: to wait for the call here would block the event loop that has to serve it; "
                f"await it instead, or do it in another thread{sync_way()}"
            )
        return run_on(loop, function(*arguments))

    def _wait_or_await(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> Any:
        """A coroutine in a coroutine; in the sync context what it returns."""
        loop, method = self._home()
        here = running_loop()
        if here is loop:
            return function(*arguments)
        if here is not None:
            raise bound_to_another_loop(method)
        return self._wait(function, *arguments)

    # ---- as a context manager --------------------------------------------------------------------

    async def __aenter__(self) -> Any:
        self.used = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave(error)

    def __enter__(self) -> Any:
        if running_loop() is not None:
            raise TypeError(
                f"{self._home()[1]}: in a coroutine, enter a call with `async with`, not with `with`"
            )
        self.used = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait(self._leave, error)

    async def _leave(self, error: BaseException | None) -> None:
        """End the call.

        After an exception it is cancelled. Otherwise the requests are ended; one response is waited for, so
        that what was sent arrives, and its failure is raised; a stream of responses that nobody reads any
        more is cancelled, unless the peer has ended it.
        """
        if error is None and not self.done():
            await self._end_requests()
            if not self._response_streaming:
                await self  # type: ignore[misc]
        self.cancel()

    async def _end_requests(self) -> None:
        """Tell the peer that no request follows, where they are written by hand."""


class Reading(Conversation):
    """A stream of responses."""

    if not TYPE_CHECKING:
        __slots__ = ()

    _reader: str
    _response_streaming = True

    async def _next(self) -> Any:
        """The next response; raises ``StopAsyncIteration`` at the end of a stream that ended well."""
        raise SystemError("a call without responses")

    async def _next_or_end(self) -> Any:
        try:
            return await self._next()
        except StopAsyncIteration:
            return _END

    def __aiter__(self) -> AsyncIterator[Any]:
        self._use("async for")
        return self

    def __anext__(self) -> Coroutine[Any, Any, Any]:
        self.used = True
        return self._next()

    def __iter__(self) -> Any:
        if running_loop() is not None:
            raise TypeError(
                f"{self._home()[1]}: in a coroutine, iterate over a call with `async for`, not with `for`"
                f"{sync_way()}"
            )
        return self

    def __next__(self) -> Any:
        self.used = True
        response = self._wait(self._next_or_end)
        if response is _END:
            raise StopIteration
        return response

    async def read(self) -> Any:
        """The next response, or ``grpc.aio.EOF`` at the end of a stream that ended well.

        On the call's loop only. Raises the RPC's error, ``grpc.aio.UsageError`` where responses are read in
        another style, and ``RuntimeError`` where another read waits.
        """
        self._use("read()")
        response = await self._next_or_end()
        return grpc.aio.EOF if response is _END else response

    def receive(self) -> Any:
        """The next response: awaited in a coroutine, waited for in a thread.

        Raises ``grpc_bridge.EOF`` when the peer has ended the stream well, otherwise the RPC's error; and
        ``grpc.aio.UsageError`` where responses are read in another style. Cancelling the wait cancels the
        call.
        """
        self._use("receive()")
        return self._wait_or_await(self._receive)

    async def _receive(self) -> Any:
        response = await self._next_or_end()
        if response is _END:
            raise EOF(f"{self._home()[1]}: the server has ended the stream")
        return response

    def _use(self, style: str) -> None:
        self.used = True
        reader = getattr(self, "_reader", None)
        if reader is None:
            self._reader = style
        elif reader != style:
            raise grpc.aio.UsageError(
                f"{self._home()[1]}: responses are read with {reader} or with {style}, not with both"
            )


class Writing(Conversation):
    """A stream of requests, written by hand where no iterator was given."""

    if not TYPE_CHECKING:
        __slots__ = ()

    fed: bool
    _request_streaming = True

    async def write(self, request: Any) -> None:
        """Send a request; returns when the transport has taken it. On the call's loop only.

        Raises ``asyncio.InvalidStateError`` after the call has ended or `done_writing`, the RPC's error where
        it ends meanwhile, and ``grpc.aio.UsageError`` where an iterator gives the requests.
        """
        self.used = True
        self._check_not_fed()
        if self.done():
            raise asyncio.InvalidStateError("RPC already finished.")
        if self._requests_ended():
            raise asyncio.InvalidStateError('RPC is half closed after calling "done_writing".')
        if not await self._put(request):
            await self._raise_status()

    async def done_writing(self) -> None:
        """Tell the server that no request follows; a second time it does nothing. On the call's loop only."""
        self._check_not_fed()
        await self._end_requests()

    def send(self, request: Any) -> Any:
        """Send a request: awaited in a coroutine, waited for in a thread, until the transport has taken it.

        Senders that come while another one waits queue in order; one that is cancelled in the queue has sent
        nothing. Raises the RPC's error if it has ended badly, ``grpc_bridge.EOF`` if the server has ended
        it well and takes no more, and ``grpc.aio.UsageError`` after `done_sending`.
        """
        self.used = True
        self._check_not_fed()
        return self._wait_or_await(self._send, request)

    async def _send(self, request: Any) -> None:
        if self._requests_ended() and not self.done():
            raise grpc.aio.UsageError(f"{self._home()[1]}: nothing can be sent after done_sending()")
        if self.done() or not await self._put(request):
            await self._raise_status()
            raise EOF(f"{self._home()[1]}: the server has ended the call and takes no more")

    def done_sending(self) -> Any:
        """Tell the server that no request follows what was sent; a second time it does nothing.

        Awaited in a coroutine, in a thread done on return.
        """
        self.used = True
        self._check_not_fed()
        return self._wait_or_await(self._end_requests)

    def _check_not_fed(self) -> None:
        if self.fed:
            raise grpc.aio.UsageError(
                f"{self._home()[1]}: requests come from an iterator or are sent by hand, not both"
            )

    # ---- what a call has to offer ------------------------------------------------------------------

    def _requests_ended(self) -> bool:
        raise SystemError("a call without requests")

    async def _put(self, request: Any) -> bool:
        """Send it; False when the call is over before."""
        raise SystemError("a call without requests")

    async def _raise_status(self) -> None:
        """The call is over, or is about to be: raise its error, unless it ends well."""
        raise SystemError("a call without requests")
