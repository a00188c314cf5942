"""What a handler is given beside its request: one context for handlers of either colour."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import grpc
import grpc.aio
from grpc import _common

from grpc_bridge._border import Done, running_loop
from grpc_bridge._bridge import can_wait_here, wait_here
from grpc_bridge._cy.ccore import port
from grpc_bridge._cy.server_call import ServerCall
from grpc_bridge._errors import EOF, AbortError
from grpc_bridge._metadata import Metadata, outgoing

_LOGGER = logging.getLogger("grpc_bridge")


def _done() -> Any:
    """What a member returns that has nothing to return: in a coroutine it may be awaited."""
    return None if running_loop() is None else Done(None)


class _State:
    """The part of grpcio's private state of an RPC that packages read: py-grpc-prometheus does."""

    __slots__ = ("_call",)

    def __init__(self, call: ServerCall) -> None:
        self._call = call

    @property
    def client(self) -> str:
        return "cancelled" if self._call.cancelled else "closed" if self._call.closed else "open"

    @property
    def code(self) -> grpc.StatusCode | None:
        code: grpc.StatusCode | None = self._call.code
        return code


def _received(request: Any) -> Any:
    if request is grpc.aio.EOF:
        raise EOF("the client sends no more requests")
    return request


class ServicerContext(grpc.ServicerContext):
    """The ``grpc.ServicerContext`` and the ``grpc.aio.ServicerContext`` of one RPC.

    In a coroutine, members that have nothing to return may be awaited or not. Members may be called from any
    thread; what has to be awaited, on the loop of the handler.
    """

    # The one request of a handler that takes its context alone, until it receives it.
    request: Any = None

    def __init__(self, call: ServerCall) -> None:
        self._call = call

    @property
    def _state(self) -> _State:
        return _State(self._call)

    # ---- the RPC ----------------------------------------------------------------------------------

    def is_active(self) -> bool:
        """Whether the RPC goes on: neither ended nor cancelled."""
        return self._call.active

    def cancelled(self) -> bool:
        """Whether the client, or the server's shutdown, has cancelled the RPC."""
        return self._call.cancelled

    def done(self) -> bool:
        """Whether the RPC is over."""
        return self._call.closed or self._call.finished

    def time_remaining(self) -> float:
        """Seconds to the deadline, not below 0; a very large number without one."""
        return max(self._call.deadline - time.time(), 0.0)

    def cancel(self) -> Any:
        """End the RPC: the client sees CANCELLED."""
        self._call.cancel()
        return _done()

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Call `callback`, a plain function, when the RPC is over; False, and no call, if it is."""
        return self._call.add_callback(callback)

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call `callback` with this context when the RPC is over; at once if it is."""
        if not self._call.add_callback(lambda: callback(self)):
            callback(self)

    # ---- the client -------------------------------------------------------------------------------

    def invocation_metadata(self) -> Metadata:
        """The client's metadata, pairs of a key and a value."""
        return Metadata(self._call.invocation_metadata)

    def peer(self) -> str:
        """The client's address, e.g. ``ipv4:127.0.0.1:4711``."""
        return self._call.peer()

    def peer_identities(self) -> Sequence[bytes] | None:
        """The client's authenticated identities, or None."""
        identities: Sequence[bytes] | None = self._call.identity()[0]
        return identities

    def peer_identity_key(self) -> str | None:
        """The name of the property that the identities are values of, or None."""
        key: str | None = self._call.identity()[1]
        return key

    def auth_context(self) -> Mapping[str, Any]:
        """The properties of the connection's security."""
        context: Mapping[str, Any] = self._call.identity()[2]
        return context

    # ---- messages ---------------------------------------------------------------------------------

    def receive(self) -> Any:
        """The next request: awaited in a coroutine, waited for in a thread.

        Raises ``grpc_bridge.EOF`` when the client sends no more. A streaming handler that lets it pass has
        ended well.
        """
        if running_loop() is not None:
            return self._receive()
        request = self._unread()
        return _received(self.read() if request is None else request)

    async def _receive(self) -> Any:
        request = self._unread()
        return _received(await self._read() if request is None else request)

    def _unread(self) -> Any:
        request, self.request = self.request, None
        return request

    def send(self, message: Any) -> Any:
        """Send a response: awaited in a coroutine, waited for in a thread. As `write`, with its errors."""
        return self.write(message)

    def read(self) -> Any:
        """The next request, or ``grpc.aio.EOF`` when the client sends no more: blocks, or is awaited.

        Raises as `write` once the RPC is over.
        """
        if running_loop() is not None:
            return self._read()
        if can_wait_here():
            return wait_here(self._read())
        self._check_not_ended()
        request = self._call.read_blocking()
        if request is None and self._call.cancelled:
            raise grpc.RpcError
        return grpc.aio.EOF if request is None else request

    async def _read(self) -> Any:
        self._check_not_ended()
        request = await self._call.read()
        return grpc.aio.EOF if request is None else request

    def write(self, message: Any) -> Any:
        """Send a response: blocks, or is awaited, until the transport has taken it.

        Messages are sent in the order of the calls. Raises ``grpc.aio.UsageError`` once the RPC has ended,
        and, if the client has ended it, ``grpc.RpcError`` in a thread and ``asyncio.CancelledError`` in a
        coroutine.
        """
        if running_loop() is not None:
            return self._write(message)
        if can_wait_here():
            return wait_here(self._write(message))
        self._check_can_write()
        if not self._call.write_blocking(message):
            self._raise_ended()
        return None

    async def _write(self, message: Any) -> None:
        self._check_can_write()
        if not await self._call.write(message):
            self._raise_ended()

    def _check_can_write(self) -> None:
        if not self._call.response_streaming:
            raise grpc.aio.UsageError(f"{self._call.method} has one response, which its handler returns")
        self._check_not_ended()

    def _check_not_ended(self) -> None:
        if not self._call.active:
            self._raise_ended()

    def _raise_ended(self) -> NoReturn:
        if self._call.cancelled or self._call.active:
            # Or the transport says so, before it says why.
            raise grpc.RpcError if running_loop() is None else asyncio.CancelledError
        raise grpc.aio.UsageError(f"{self._call.method}: the RPC has ended")

    def set_compression(self, compression: grpc.Compression) -> None:
        """Compress the responses; before the first of them."""
        self._call.compression_header = (port.compression_header(compression),)

    def disable_next_message_compression(self) -> None:
        """Send the next response as it is."""
        self._call.plain_next = True

    # ---- metadata and status ----------------------------------------------------------------------

    def send_initial_metadata(self, initial_metadata: Any) -> Any:
        """Send metadata, pairs of a key and a value, ahead of the first response. Never blocks.

        Raises ``ValueError`` where a response or metadata was sent before, and ``grpc.RpcError`` where the
        client has gone. Where a pair cannot be sent, the RPC ends with INTERNAL, and the log says why.
        """
        if self._call.cancelled:
            raise grpc.RpcError
        if self._call.headers_sent:
            raise ValueError("Initial metadata no longer allowed!")
        self._check_not_ended()
        self._call.send_initial_metadata(outgoing(initial_metadata) or ())
        return _done()

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        """The metadata to send with the status, pairs of a key and a value; the last call holds."""
        self._call.trailers = outgoing(trailing_metadata)

    def trailing_metadata(self) -> Any:
        """What `set_trailing_metadata` was given."""
        return self._call.trailers

    def set_code(self, code: grpc.StatusCode) -> None:
        """The status to end with when the handler returns."""
        self._call.code = code

    def code(self) -> grpc.StatusCode | None:
        """What `set_code` was given."""
        code: grpc.StatusCode | None = self._call.code
        return code

    def set_details(self, details: str) -> None:
        """The details to end with when the handler returns."""
        self._call.details = _common.encode(details)

    def details(self) -> bytes | None:
        """What `set_details` was given, encoded."""
        details: bytes | None = self._call.details
        return details

    def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> NoReturn:
        """End the handler and the RPC with a status: raises at once, awaited or not.

        `details` is what the client reads, `trailing_metadata` pairs of a key and a value.
        """
        if code == grpc.StatusCode.OK:
            _LOGGER.error("abort() called with StatusCode.OK; returning UNKNOWN")
            code, details = grpc.StatusCode.UNKNOWN, ""
        self._call.code = code
        self.set_details(details)
        if trailing_metadata:
            self._call.trailers = outgoing(trailing_metadata)
        self._call.aborted = True
        raise AbortError

    def abort_with_status(self, status: grpc.Status) -> NoReturn:
        """As `abort`, with the code, details and trailing metadata of a ``grpc.Status``."""
        self.abort(status.code, status.details, status.trailing_metadata or ())


grpc.aio.ServicerContext.register(ServicerContext)
