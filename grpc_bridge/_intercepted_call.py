"""The call of an intercepted method: what its interceptor returns, now or later, be it a call or not."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import Any

import grpc
import grpc.aio

from grpc_bridge import _grpc_types
from grpc_bridge._border import running_loop
from grpc_bridge._bridge import can_wait_here, run_sync, wait_here
from grpc_bridge._call import Call
from grpc_bridge._errors import WouldDeadlock

_END = object()


class Failed:
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
        self._loop = asyncio.get_running_loop()

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
        if asyncio._get_running_loop() is not self._loop and self._loop.is_running():
            return asyncio.run_coroutine_threadsafe(self._ask_later(name, *arguments), self._loop).result()
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
        # An interceptor may return a grpc.Future of its own or, where it is async, the response itself.
        return outcome.result() if callable(getattr(outcome, "result", None)) else outcome

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

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if can_wait_here():
            response = wait_here(anext(self, _END))
        elif asyncio._get_running_loop() is self._loop:
            raise WouldDeadlock(
                "`for` over responses would block the loop that has to bring them; use `async for`"
            )
        else:
            response = asyncio.run_coroutine_threadsafe(_next_or_end(self), self._loop).result()
        if response is _END:
            raise StopIteration
        return response

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Any]:
        return self._next()

    async def _next(self) -> Any:
        if self._iterator is None:
            outcome = await self._settled()
            if isinstance(outcome, Failed):
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


async def _next_or_end(call: InterceptedStreamCall) -> Any:
    return await anext(call, _END)
