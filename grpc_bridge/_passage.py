"""An RPC's way through one interceptor: what the interceptor returns, now or later, be it a call or not."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import grpc

from grpc_bridge._border import call_in, run_callback, settle
from grpc_bridge._call import Call
from grpc_bridge._errors import RpcCallError
from grpc_bridge._metadata import Metadata
from grpc_bridge._outcome import Answered, Cancelled, Failed
from grpc_bridge._request_stream import ForSync, Pipe

if TYPE_CHECKING:
    from grpc_bridge._intercepted_call import InterceptedCall

_CANCELLED_HERE = "Locally cancelled by application!"


class Passage:
    """What stays while the interceptor works, whoever holds the call. For its loop, except for `cancel`."""

    def __init__(self, method: str, timeout: float | None, cancels_as_task: bool) -> None:
        self.loop = asyncio.get_running_loop()
        self.method = method
        self.deadline = None if timeout is None else time.time() + timeout
        # whether a call that was cancelled raises CancelledError, as grpc.aio's do, or an RpcError
        self.cancels_as_task = cancels_as_task
        self.cancelled_here = False
        # the call that the interceptor's continuation returned last
        self.call: Call | InterceptedCall | None = None
        # the requests, where they are written by hand, and where an async iterator is read with `for`
        self.pipe: Pipe | None = None
        self.for_sync: ForSync | None = None
        self._task: asyncio.Future[Any] | None = None
        self._returned: Any = None
        self._answering: Any = None

    def take(self, outcome: Any) -> None:
        """What the interceptor's method has returned: it, or something awaitable that will bring it."""
        if _brings_another(outcome):
            self._await(outcome)
        else:
            self._settle_for(outcome)
        if self.pipe is not None:
            self.when_over(self.pipe.close)
        if self.for_sync is not None:
            self.when_over(self.for_sync.close)

    # ---- what the interceptor has returned ---------------------------------------------------------

    def _await(self, outcome: Any) -> None:
        self._task = asyncio.ensure_future(outcome)
        self._task.add_done_callback(_seen)

    @property
    def returned(self) -> Any:
        """What the interceptor has returned, as it is."""
        return self._returned

    def now(self) -> Any:
        """What answers for the call, if the interceptor has returned; else None."""
        task = self._task
        if self._answering is None and task is not None and task.done():
            if task.cancelled():
                self._settle_for(Cancelled(_cancelled_error()))
            elif (error := task.exception()) is not None:
                self._settle_for(Failed(error))
            elif not _brings_another(outcome := task.result()):
                self._settle_for(outcome)
            elif asyncio._get_running_loop() is self.loop:
                self._await(outcome)
        return self._answering

    def _settle_for(self, outcome: Any) -> None:
        self._returned = outcome
        self._answering = answering = self._answers_for(outcome)
        if isinstance(answering, (Failed, Cancelled)) and self.call is not None:
            self.call.cancel()  # nobody can read what it brings
        if is_call(answering):
            answering.claimed = True  # whoever holds the intercepted call answers for this one, too

    def _answers_for(self, outcome: Any) -> Any:
        if is_call(outcome) or callable(getattr(outcome, "result", None)):
            return outcome  # a call, or a grpc.Future of the interceptor's own
        if isinstance(outcome, BaseException):
            return Failed(outcome)
        if self.call is not None and (hasattr(outcome, "__next__") or hasattr(outcome, "__aiter__")):
            return self.call  # the interceptor has put an iterator around the call's responses
        return Answered(outcome)

    async def settled(self) -> Any:
        """What answers for the call, once the interceptor has returned; who asks does not own the call."""
        while (answering := self.now()) is None:
            await self._task_over()
        return answering

    async def _task_over(self) -> None:
        # As asyncio.wait, for one: cancelling the wait does not cancel the task.
        waiter = self.loop.create_future()
        task = cast("asyncio.Future[Any]", self._task)
        task.add_done_callback(lambda _: settle(waiter))
        await waiter

    async def owned(self) -> Any:
        """The same for who waits for responses: cancelling the wait cancels the interceptor.

        Raises what the interceptor has raised.
        """
        try:
            answering = await self.settled()
        except asyncio.CancelledError:
            self._cancel_interceptor()
            await self._task_over()
            raise
        self.raise_if_failed(answering)
        return answering

    def raise_if_failed(self, answering: Any) -> None:
        """Raise what awaiting the call raises, if its interceptor has raised or was cancelled."""
        if isinstance(answering, Cancelled):
            raise self.cancellation()
        if isinstance(answering, Failed):
            answering.result()

    def cancellation(self) -> BaseException:
        """What awaiting the call raises once it was cancelled by hand."""
        if self.cancels_as_task:
            return asyncio.CancelledError()
        return _cancelled_error()

    # ---- its end ----------------------------------------------------------------------------------

    def done(self) -> bool:
        """Whether the call is over."""
        answering = self.now()
        return self.cancelled_here if answering is None else bool(answering.done())

    def cancel(self) -> bool:
        """End the interceptor, or the call that it has returned; False when that was over."""
        if self.done():
            return False
        answering = self.now()
        if answering is not None:
            return bool(answering.cancel())
        self.cancelled_here = True
        if asyncio._get_running_loop() is self.loop:
            self._cancel_interceptor()
        else:
            call_in(self.loop, self._cancel_interceptor)
        return True

    def _cancel_interceptor(self) -> None:
        cast("asyncio.Future[Any]", self._task).cancel()
        if self.call is not None:
            self.call.cancel()  # an interceptor that only asks after its call does not end it

    def when_over(self, callback: Callable[[], object]) -> None:
        """Call it, in the sync context, when the call is over; this does not count as a use of the call."""
        answering = self.now()
        if answering is None:
            task = cast("asyncio.Future[Any]", self._task)
            task.add_done_callback(lambda _: self.when_over(callback))
        elif isinstance(answering, Call):
            if not answering.core.add_callback(callback):
                run_callback(callback)
        elif is_call(answering):
            answering.passage.when_over(callback)
        else:
            answering.add_done_callback(lambda _: run_callback(callback))


def is_call(outcome: Any) -> bool:
    """Whether it is a call of ours, intercepted or not."""
    return isinstance(outcome, Call) or hasattr(outcome, "passage")


async def ended(answering: Any) -> None:
    """Wait for a future of the interceptor's own, whatever thread resolves it."""
    if is_call(answering) or getattr(answering, "done", lambda: True)():
        return
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    answering.add_done_callback(lambda _: loop.call_soon_threadsafe(over.set))
    await over.wait()


def _brings_another(outcome: Any) -> bool:
    return inspect.isawaitable(outcome) and not is_call(outcome)


def _seen(task: asyncio.Future[Any]) -> None:
    # An outcome that nobody asks for is not an error of the loop's.
    if not task.cancelled():
        task.exception()


def _cancelled_error() -> RpcCallError:
    none = cast(Any, Metadata())
    return RpcCallError(grpc.StatusCode.CANCELLED, none, none, _CANCELLED_HERE)
