"""The exceptions that a call can raise."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn, cast

import grpc
import grpc.aio

from grpc_bridge import _grpc_types
from grpc_bridge._metadata import Metadata

#: Status by its number on the wire.
STATUS_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}

AbortError = grpc.aio.AbortError


def status_number(code: Any) -> int:
    """A status's number on the wire; UNKNOWN for what is no status, as grpcio has it."""
    return code.value[0] if isinstance(code, grpc.StatusCode) else 2


class BoundToAnotherLoop(RuntimeError):
    """A call object is awaited on another event loop than the one that it was started on.

    Raised to who awaits; the call goes on. Channels and stubs may be used on any loop.
    """


def bound_to_another_loop(method: str) -> BoundToAnotherLoop:
    """The error of who waits for a call of that method on the wrong loop."""
    return BoundToAnotherLoop(
        f"{method}: the call was started on another event loop than the one that waits for it now; "
        "wait for it where it was started (the channel and the stub may be used on any loop)"
    )


class WouldDeadlock(RuntimeError):
    """A wait that could never end: it would block the thread that has to end it.

    Raised in place of such a wait, at once; the message says what to do.
    """


class EOF(Exception):
    """The peer has ended the stream, and ended it well: nothing more comes, and nobody takes what is sent.

    Raised by `receive` and `send` of calls and contexts. ``grpc.aio.EOF``, which `read` returns, is another
    thing.
    """


class UnawaitedCallWarning(RuntimeWarning):
    """A call was started in a coroutine and thrown away before anybody waited for it.

    The RPC is cancelled. The message names the method and, in asyncio's debug mode, the line that made the
    call. A call that is made with `future` does not warn.
    """


class BlockingCallWarning(RuntimeWarning):
    """A blocking call was made on a running loop's thread, under ``blocking()`` or in a callback.

    The call is made, and holds up the loop. By Python's default filter it is shown once for each line.
    """


class RpcCallError(grpc.aio.AioRpcError, grpc.Call, _grpc_types.Future):  # type: ignore[misc]
    """An RPC that ended with another status than OK.

    It is a ``grpc.RpcError``, a ``grpc.aio.AioRpcError`` and, as grpcio's own error is, a finished
    ``grpc.Call`` and ``grpc.Future``. Its methods are plain: everything is known.
    """

    def cancel(self) -> bool:
        """False: the call is over."""
        return False

    def cancelled(self) -> bool:
        """False: a call that was cancelled here raises, and is not told by its error."""
        return False

    def running(self) -> bool:
        """False."""
        return False

    def done(self) -> bool:
        """True."""
        return True

    def is_active(self) -> bool:
        """False."""
        return False

    def time_remaining(self) -> Any:
        """None: the call is over."""
        return None

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """False, and the callback is not called: the call is over."""
        return False

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """Call `fn` with this error, at once."""
        fn(self)

    def result(self, timeout: float | None = None) -> NoReturn:
        """Raise this error."""
        raise self

    def exception(self, timeout: float | None = None) -> RpcCallError:
        """This error."""
        return self

    def traceback(self, timeout: float | None = None) -> TracebackType | None:
        """The traceback of this error, as if it were raised here."""
        try:
            raise self
        except RpcCallError as error:
            return error.__traceback__


def rpc_error(call: Any) -> RpcCallError:
    """The error of a call that has ended badly (a ``_cy`` client call)."""
    error = RpcCallError(
        STATUS_CODES.get(call.code, grpc.StatusCode.UNKNOWN),
        cast(Any, Metadata(call.headers or ())),
        cast(Any, Metadata(call.trailers or ())),
        call.details,
        call.debug,
    )
    if call.cause is not None:
        error.__cause__ = call.cause
    return error
