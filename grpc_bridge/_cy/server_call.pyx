# cython: language_level=3, boundscheck=False, wraparound=False
"""A call on the server: what the context and the request iterator of a handler stand on.

Its messages are read and written in both colours, on the loop and in threads.
"""

import asyncio
import logging

from _thread import allocate_lock
from asyncio import _get_running_loop, get_running_loop

from grpc_bridge._border import call_in, sync_scope
from grpc_bridge._errors import status_number

from grpc_bridge._cy.handoff cimport LoopMailbox, Waiter, mailbox_of
from grpc_bridge._cy.server_state cimport ServerCallState
from grpc_bridge._cy.transport cimport ServerSink

_LOGGER = logging.getLogger("grpc_bridge")

cdef int _INTERNAL = 13

cdef object _CancelledError = asyncio.CancelledError

# The sink of a call that nobody handles, or nobody handles any more.
cdef ServerSink nobody = ServerSink()


cdef class HandlerPlan:
    """A method's handler, with what would otherwise be asked of it once per call."""

    def __init__(self, object behavior, object request_deserializer, object response_serializer,
                 bint request_streaming, bint response_streaming, bint is_async, object pool):
        self.behavior = behavior
        self.request_deserializer = request_deserializer
        self.response_serializer = response_serializer
        self.request_streaming = request_streaming
        self.response_streaming = response_streaming
        self.is_async = is_async
        self.pool = pool


cdef class ServerShared:
    """What the calls of one server have in common."""

    def __init__(self, make_context, make_requests, loop_mailbox):
        self.make_context = make_context
        self.make_requests = make_requests
        self._mailbox_getter = loop_mailbox
        self.on_loop = set()

    cdef LoopMailbox loop_mailbox(self):
        """The mailbox of the loop that handlers run on, which the first of them may have to start."""
        if self._loop_mailbox is None:
            self._loop_mailbox = self._mailbox_getter()
        return self._loop_mailbox


cdef class _Gate:
    """What a thread waits at that has no loop."""

    cdef object lock
    cdef bint ok

    def __cinit__(self):
        self.lock = allocate_lock()
        self.lock.acquire()


cdef int _settle(object waiter, bint ok) except -1:
    """Let go whoever waits, at a gate or on a loop, and say whether it went well."""
    if type(waiter) is _Gate:
        (<_Gate>waiter).ok = ok
        (<_Gate>waiter).lock.release()
    else:
        loop = waiter.get_loop()
        if _get_running_loop() is loop:
            _set_result(waiter, ok)
        else:
            call_in(loop, _set_result, waiter, ok)
    return 0


def _set_result(waiter, ok):
    if not waiter.done():
        waiter.set_result(ok)


cdef class Read:
    """A coroutine that waits for the next request, in as little memory as there is: most open streams wait so."""

    cdef ServerCall _call
    cdef Waiter _waiter
    cdef bint _iterates

    def __init__(self, ServerCall call, bint iterates):
        self._call = call
        self._iterates = iterates

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        cdef ServerCall call = self._call
        cdef bytes message
        if call is None:
            raise RuntimeError("cannot reuse already awaited read")
        while True:
            if self._waiter is not None and not self._waiter.done():
                return next(self._waiter)
            message = call.take_message()
            if message is not None or call.cancelled or call.read_ended or call.closed:
                break
            call.want_message()
            self._waiter = Waiter(mailbox_of(get_running_loop()))
            call._wait_to_read(self._waiter)
        self.close()
        if message is None and call.cancelled:
            raise _CancelledError()
        request = None if message is None else call.deserialized(message)
        if request is None and self._iterates:
            raise StopAsyncIteration
        raise StopIteration(request)

    def send(self, value):
        return next(self)

    def throw(self, kind, value=None, traceback=None):
        self.close()
        raise kind, value, traceback

    def close(self):
        self._call = self._waiter = None


cdef class ServerCall(ServerCallState):
    """One RPC, as its handler sees it."""

    # ---- messages, on a loop ----------------------------------------------------------------------

    cdef object begin_write(self, object response):
        """Send a response: True, or False if the call has ended; a waiter for either while another goes out."""
        cdef bytes message
        if not self.is_active():
            return False
        message = self.serialized(response)
        if message is None or not self.is_active():
            return False
        waiter = Waiter(mailbox_of(get_running_loop())) if self.sending else None
        self.send_message(message, waiter)
        return True if waiter is None else waiter

    async def write(self, response):
        """Send a response; False when the call has ended before it was sent."""
        sent = self.begin_write(response)
        return sent if type(sent) is bool else await sent

    def read(self):
        """Awaitable: the next request, or None when the client sends no more; cancelled with the call."""
        return Read(self, False)

    def read_next(self):
        """As `read`, for ``async for``: it ends when the client sends no more."""
        return Read(self, True)

    # ---- messages, in a thread --------------------------------------------------------------------

    def write_blocking(self, response):
        """As `write`, from a thread without a loop."""
        cdef bytes message
        cdef _Gate gate
        if not self.is_active():
            return False
        message = self.serialized(response)
        if message is None or not self.is_active():
            return False
        gate = _Gate()
        self.send_message(message, gate)
        gate.lock.acquire()  # network op
        return gate.ok

    def read_blocking(self):
        """The next request in a thread without a loop; None when the client sends no more."""
        cdef bytes message
        cdef _Gate gate
        while True:
            message = self.take_message()
            if message is not None:
                return self.deserialized(message)
            if self.read_ended or self.closed:
                return None
            self.want_message()
            gate = _Gate()
            self._wait_to_read(gate)
            gate.lock.acquire()  # network op

    cdef int _wait_to_read(self, object waiter) except -1:
        cdef list more = None if self._reader is None else [waiter]
        if self._reader is None:
            self._reader = waiter
        elif self._more_readers is None:
            self._more_readers = more
        else:
            self._more_readers.append(waiter)
        if self.inbox is not None or self.read_ended or self.closed:
            # It came while the waiter was being added.
            self._wake_readers()
        return 0

    cdef int _wake_readers(self) except -1:
        reader, self._reader = self._reader, None
        readers, self._more_readers = self._more_readers, None
        if reader is not None:
            _settle(reader, True)
        if readers is not None:
            for reader in readers:
                _settle(reader, True)
        return 0

    # ---- what the transport reports ---------------------------------------------------------------

    cdef int _message_came(self) except -1:
        return self._wake_readers()

    cdef bint _given_up(self, object ticket) except -1:
        return ticket is not None and type(ticket) is not _Gate and ticket.cancelled()

    cdef int _message_taken(self, object ticket, bint ok) except -1:
        return 0 if ticket is None else _settle(ticket, ok)

    cdef int _metadata_refused(self, object pair) except -1:
        _LOGGER.error("%s: Invalid metadata: %r", self.method, tuple(pair))
        return 0

    cdef int _status_refused(self, object error) except -1:
        _LOGGER.error("%s: the status could not be sent: %s", self.method, error, exc_info=error)
        return 0

    cdef int _closed(self) except -1:
        self._wake_readers()
        callbacks, self._callbacks = self._callbacks, None
        if callbacks is not None:
            for callback in callbacks:
                try:
                    with sync_scope():
                        callback()
                except Exception:
                    _LOGGER.exception("Exception calling callback!")
        return 0

    cdef int abandon(self, int code, object details) except -1:
        """End the RPC badly: with this status, unless the handler has set another."""
        return self.finish(
            None,
            code if self.code is None else status_number(self.code),
            details if self.details is None else self.details,
        )

    # ---- what the context asks --------------------------------------------------------------------

    def add_callback(self, callback):
        """Call it, without arguments, when the RPC is over; False, and no call, if it is."""
        cdef list callbacks = [callback]
        if self.closed:
            return False
        if self._callbacks is None:
            self._callbacks = callbacks
        else:
            self._callbacks.append(callback)
        return True

    @property
    def active(self):
        return self.is_active()

    @property
    def response_streaming(self):
        return self.plan.response_streaming

    def cancel(self):
        """End the RPC as if the client had cancelled it."""
        if not self.closed:
            self.stream.cancel()

    def send_initial_metadata(self, tuple metadata):
        """Send the headers now."""
        self.send_headers(metadata)

    def peer(self):
        return self.stream.peer()

    def identity(self):
        return self.stream.identity()

    # ---- messages and bytes -----------------------------------------------------------------------

    cdef bytes serialized(self, object response):
        serializer = self.plan.response_serializer
        try:
            message = response if serializer is None else serializer(response)
            if type(message) is not bytes:
                message = bytes(memoryview(message))
        except Exception:
            _LOGGER.exception("Exception serializing message! %s gave a %s", self.method, type(response).__name__)
            self.abandon(_INTERNAL, b"Failed to serialize response!")
            return None
        return message

    cdef object deserialized(self, bytes message):
        deserializer = self.plan.request_deserializer
        if deserializer is None:
            return message
        try:
            request = deserializer(message)
        except Exception:
            _LOGGER.exception("Exception deserializing message!")
            request = None
        if request is None:
            self.abandon(_INTERNAL, b"Exception deserializing request!")
        return request
