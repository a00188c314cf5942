"""What an interceptor may return instead of a call: an exception, or a response or responses of its own.

Each answers as a call that has ended, so that what asks a call need not know.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

import grpc

from grpc_bridge import _grpc_types
from grpc_bridge._metadata import Metadata


class _Ended(grpc.Call, _grpc_types.Future):
    """A call that is over."""

    def done(self) -> bool:
        return True

    def running(self) -> bool:
        return False

    def is_active(self) -> bool:
        return False

    def cancelled(self) -> bool:
        return False

    def cancel(self) -> bool:
        return False

    def time_remaining(self) -> Any:
        return None

    def add_callback(self, callback: Callable[[], object]) -> bool:
        return False

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        fn(self)

    def debug_error_string(self) -> Any:
        return ""


class Failed(_Ended):
    """The outcome of an interceptor that raised."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def _ask(self, name: str, otherwise: Any) -> Any:
        """What the error itself has to say, if it is an RPC's."""
        ask = getattr(self._error, name, None)
        return ask() if callable(ask) else otherwise

    def result(self, timeout: float | None = None) -> NoReturn:
        raise self._error

    def exception(self, timeout: float | None = None) -> Any:
        return self._error

    def traceback(self, timeout: float | None = None) -> TracebackType | None:
        return self._error.__traceback__

    def code(self) -> Any:
        return self._ask("code", grpc.StatusCode.INTERNAL)

    def details(self) -> Any:
        return self._ask("details", "Exception raised while intercepting the RPC")

    def debug_error_string(self) -> Any:
        return self._ask("debug_error_string", "")

    def initial_metadata(self) -> Any:
        return self._ask("initial_metadata", None)

    def trailing_metadata(self) -> Any:
        return self._ask("trailing_metadata", None)


class Cancelled(Failed):
    """The outcome of an interceptor that was cancelled before it had one."""

    def cancelled(self) -> bool:
        return True

    def result(self, timeout: float | None = None) -> NoReturn:
        raise grpc.FutureCancelledError()

    def exception(self, timeout: float | None = None) -> NoReturn:
        raise grpc.FutureCancelledError()

    def traceback(self, timeout: float | None = None) -> NoReturn:
        raise grpc.FutureCancelledError()


class Answered(_Ended):
    """A response, or an iterator over responses, of the interceptor's own."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def result(self, timeout: float | None = None) -> Any:
        return self.value

    def exception(self, timeout: float | None = None) -> None:
        return None

    def traceback(self, timeout: float | None = None) -> None:
        return None

    def code(self) -> Any:
        return grpc.StatusCode.OK

    def details(self) -> Any:
        return ""

    def initial_metadata(self) -> Any:
        return Metadata()

    def trailing_metadata(self) -> Any:
        return Metadata()
