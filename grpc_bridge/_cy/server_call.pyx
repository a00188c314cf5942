# cython: language_level=3, boundscheck=False, wraparound=False
"""A call on the server: what the context and the request iterator of a handler stand on.

Its messages are read and written in both colours, on the loop and in threads.
"""

import asyncio
import logging

from _thread import LockType as Lock, allocate_lock
from asyncio import _get_running_loop, get_running_loop

from grpc_bridge._border import sync_scope, wake
from grpc_bridge._errors import status_number

from grpc_bridge._cy.handoff cimport LoopMailbox
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

    cdef LoopMailbox loop_mailbox(self):
        """The mailbox of the loop that handlers run on, which the first of them may have to start."""
        if self._loop_mailbox is None:
            self._loop_mailbox = self._mailbox_getter()
        return self._loop_mailbox


cdef int _release(object waiter) except -1:
    """Let go whoever waits: the thread that holds out at a lock, or a future's loop."""
    if type(waiter) is Lock:
        waiter.release()
    elif not waiter.done():
        loop = waiter.get_loop()
        if _get_running_loop() is loop:
            waiter.set_result(None)
        else:
            wake(loop, waiter)
    return 0


cdef class ServerCall(ServerCallState):
    """One RPC, as its handler sees it."""

    # ---- messages, on a loop ----------------------------------------------------------------------

    async def write(self, response):
        """Send a response; False when the call has ended."""
        cdef bytes message
        if not self.is_active():
            return False
        message = self.serialized(response)
        if message is None or not self.is_active():
            return False
        waiter = get_running_loop().create_future()
        self.send_message(message, waiter)
        if not waiter.done():
            await waiter
        return self.is_active()

    async def read(self):
        """The next request, or None when the client sends no more; cancelled with the call."""
        cdef bytes message
        while True:
            message = self.take_message()
            if message is not None:
                return self.deserialized(message)
            if self.cancelled:
                raise _CancelledError()
            if self.read_ended or self.closed:
                return None
            self.want_message()
            waiter = get_running_loop().create_future()
            self._wait_to_read(waiter)
            await waiter

    # ---- messages, in a thread --------------------------------------------------------------------

    def write_blocking(self, response):
        """Send a response from a thread without a loop; False when the call has ended."""
        cdef bytes message
        if not self.is_active():
            return False
        message = self.serialized(response)
        if message is None or not self.is_active():
            return False
        gate = allocate_lock()
        gate.acquire()
        self.send_message(message, gate)
        gate.acquire()  # network op
        return self.is_active()

    def read_blocking(self):
        """The next request in a thread without a loop; None when the client sends no more."""
        cdef bytes message
        while True:
            message = self.take_message()
            if message is not None:
                return self.deserialized(message)
            if self.read_ended or self.closed:
                return None
            self.want_message()
            gate = allocate_lock()
            gate.acquire()
            self._wait_to_read(gate)
            gate.acquire()  # network op

    cdef int _wait_to_read(self, object waiter) except -1:
        if self._readers is None:
            self._readers = [waiter]
        else:
            self._readers.append(waiter)
        if self.inbox is not None or self.read_ended or self.closed:
            # It came while the waiter was being added.
            self._wake_readers()
        return 0

    cdef int _wake_readers(self) except -1:
        readers, self._readers = self._readers, None
        if readers is not None:
            for reader in readers:
                _release(reader)
        return 0

    # ---- what the transport reports ---------------------------------------------------------------

    cdef int _message_came(self) except -1:
        return self._wake_readers()

    cdef int _message_taken(self, object ticket) except -1:
        return _release(ticket)

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
        if self.closed:
            return False
        if self._callbacks is None:
            self._callbacks = [callback]
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
