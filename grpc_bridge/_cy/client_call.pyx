# cython: language_level=3, boundscheck=False, wraparound=False
"""A call on the client, bound to the loop that it was started on.

Each thing that can be waited for has futures of the loop, or a waiter of its mailbox; nothing here is a
Task. Methods are for the loop's own thread, except where they say otherwise.
"""

import asyncio

from grpc_bridge._border import run_callback, user_frame
from grpc_bridge._errors import bound_to_another_loop, rpc_error

from grpc_bridge._cy.client_state cimport ClientCallState
from grpc_bridge._cy.ending cimport is_finalizing
from grpc_bridge._cy.handoff cimport LoopMailbox, Waiter, mailbox_of
from grpc_bridge._cy.transport cimport CallHead, ClientStream, ClientTransport

cdef int _RUNNING = -1
cdef int _OK = 0
cdef int _CANCELLED = 1
cdef object _CancelledError = asyncio.CancelledError
cdef object _get_running_loop = asyncio._get_running_loop
cdef str _LOCALLY_CANCELLED = "Locally cancelled by application!"


cdef class ClientCall(ClientCallState):
    """One RPC: the part that stays while the transport works, whoever holds its handle."""

    cdef int begin(self, ClientTransport transport, CallHead head, object request) except -1:
        self.request_streaming = head.request_streaming
        self.response_streaming = head.response_streaming
        self.deadline = head.deadline
        self.half_closed = not head.request_streaming
        self.stream = transport.start(self, head, request)
        if head.response_streaming:
            # One message ahead, from the start.
            self.want_message()
        return 0

    # ---- waiting ----------------------------------------------------------------------------------

    def response_awaited(self):
        """Iterator of an await for the one response; cancelling the wait cancels the call."""
        if self.code == _RUNNING:
            try:
                self.check_loop()
                waiter = Waiter(self.mailbox)
                self._add_end_waiter(waiter)
                yield from waiter
            except _CancelledError:
                self.cancel(_CANCELLED, _LOCALLY_CANCELLED)
                raise
            except GeneratorExit:
                # Who waits is thrown away, as the tasks of a closed loop are: on whatever thread collects them.
                self.cancel_soon()
                raise
        if self.code != _OK:
            raise self._error()
        return self.response

    def end_waiter(self):
        """A future of the loop that is done when the call has ended."""
        self.check_loop()
        waiter = self.loop.create_future()
        if self.code != _RUNNING:
            waiter.set_result(None)
        else:
            self._add_end_waiter(waiter)
        return waiter

    cdef int _add_end_waiter(self, object waiter) except -1:
        if self._end_waiters is None:
            self._end_waiters = [waiter]
        else:
            while self._end_waiters and self._end_waiters[len(self._end_waiters) - 1].done():
                self._end_waiters.pop()  # who waited has given up
            self._end_waiters.append(waiter)
        return 0

    def headers_waiter(self):
        """A future of the loop that is done when the initial metadata is known."""
        self.check_loop()
        waiter = self.loop.create_future()
        if self.headers is not None:
            waiter.set_result(None)
        elif self._header_waiters is None:
            self._header_waiters = [waiter]
        else:
            self._header_waiters.append(waiter)
        return waiter

    async def next_message(self):
        """The next response, or None at the end of a stream that ended well; else raises the error.

        Cancelling the wait cancels the call.
        """
        cdef bytes message
        while True:
            message = self.take_message()
            if message is not None:
                response = self._deserialized(message)
                if self.cause is not None:
                    raise self._error()
                return response
            if self.code != _RUNNING and (self.read_ended or self.code != _OK):
                if self.code != _OK:
                    raise self._error()
                return None
            self.check_loop()
            if self._read_waiter is not None:
                raise self._concurrent_read()
            self._read_waiter = Waiter(self.mailbox)
            try:
                await self._read_waiter
            except _CancelledError:
                self.cancel(_CANCELLED, _LOCALLY_CANCELLED)
                raise
            except GeneratorExit:
                self.cancel_soon()
                raise
            finally:
                self._read_waiter = None

    def _concurrent_read(self):
        return RuntimeError(
            f"{self.method}: two coroutines read the responses of one call at the same time; read them in one place"
        )

    # ---- writing ----------------------------------------------------------------------------------

    def write(self, request):
        """Queue a request; a future that is done when the transport has taken it.

        It takes one at a time: the next when the one before has gone.
        """
        cdef bytes message
        cdef list last = None
        cdef ClientStream stream
        self.check_loop()
        message = request if self.serializer is None else self.serializer(request)
        waiter = self.loop.create_future()
        if self.writing:
            # Allocated before it is looked: the one before may go on another thread.
            last = [(message, waiter)]
        if self.code != _RUNNING:
            waiter.set_result(False)
        elif self.writing:
            if self._outbox is None:
                self._outbox = last
            else:
                self._outbox.append(last[0])
            self.writer_waits = True
        else:
            self.writing = True
            stream = self.stream
            stream.send(message)
            waiter.set_result(True)
        return waiter

    def write_end(self):
        """No request follows. Comes after every write that is queued."""
        if self.half_closed or self.code != _RUNNING:
            return
        self.half_closed = True
        if not self.writing:
            self._send_end()

    cdef int _send_end(self) except -1:
        cdef ClientStream stream
        if not self._end_sent:
            self._end_sent = True
            stream = self.stream
            stream.send_end()
        return 0

    cdef int on_sent(self, bint ok) except -1:
        # Any thread, where no writer waits.
        cdef ClientStream stream
        if self.code != _RUNNING:
            self.writing = False
            return 0
        while self._outbox:
            message, waiter = self._outbox.pop(0)
            self.writer_waits = len(self._outbox) > 0
            if waiter.cancelled():
                continue  # its sender has gone, and sends nothing
            stream = self.stream
            stream.send(message)
            waiter.set_result(True)
            return 0
        self.writing = False
        if self.half_closed:
            self._send_end()
        return 0

    # ---- ending -----------------------------------------------------------------------------------

    def defer(self, callback):
        """Run a function on the loop's thread, from any thread; False, and no call, once the loop is closed."""
        return (<LoopMailbox>self.mailbox).defer(callback)

    def cancel_soon(self, int code=_CANCELLED, str details=_LOCALLY_CANCELLED):
        """As `cancel_call`, from any thread; whoever waits is told on the loop's own."""
        if self.code != _RUNNING:
            return
        if not self.defer(lambda: self.cancel(code, details)):
            # The loop is closed, and nobody can wait on it: only the peer is to be told.
            self.leave(code, details)

    def cancel_call(self, int code=_CANCELLED, str details=_LOCALLY_CANCELLED):
        """End the call from this side; False when it had ended before."""
        return self.cancel(code, details)

    def add_callback(self, callback):
        """Call it, without arguments, once the call has ended; False, and no call, if it has."""
        if self.code != _RUNNING:
            return False
        if self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)
        return True

    @property
    def result_now(self):
        """The response of a call that has ended well."""
        return self.response

    def error(self):
        """The error of a call that has ended badly; always the same object."""
        return self._error()

    cdef object _error(self):
        return rpc_error(self)

    cdef int _headers_came(self) except -1:
        waiters, self._header_waiters = self._header_waiters, None
        if waiters is not None:
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        return 0

    cdef int _message_came(self) except -1:
        waiter = self._read_waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        return 0

    cdef int _ended(self) except -1:
        waiters, self._end_waiters = self._end_waiters, None
        if waiters is not None:
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        if self.response_streaming:
            self._message_came()
        if self.request_streaming:
            outbox, self._outbox = self._outbox, None
            if outbox is not None:
                for _, waiter in outbox:
                    if not waiter.done():
                        waiter.set_result(False)
        callbacks, self._callbacks = self._callbacks, None
        if callbacks is not None:
            for callback in callbacks:
                run_callback(callback)
        return 0

    cdef int check_loop(self) except -1:
        if _get_running_loop() is not self.loop:
            raise bound_to_another_loop(self.method)
        return 0


cdef class CallHandle:
    """What the user holds. When the last reference to it goes, nobody can want the call any more."""

    def __init__(self, ClientCall core):
        self.core = core
        if core.loop.get_debug():
            self.origin = user_frame()

    def __await__(self):
        self.claimed = True
        return self.core.response_awaited()

    def __del__(self):
        cdef ClientCall core = self.core
        if core is None or is_finalizing():
            return
        if not self.claimed and (core.code == _RUNNING or not self.used):
            self.abandoned()
        elif core.code == _RUNNING and core.loop.is_closed():
            core.cancel_soon()

    def abandoned(self):
        """Called when a handle is collected that nobody waits for: its call runs, or was never looked at."""


def start_call(ClientTransport transport, object loop, str method, CallHead head, object request,
               object serializer, object deserializer):
    """Start an RPC from a coroutine of `loop`; at once, on the loop's own thread."""
    cdef ClientCall call = ClientCall()
    call.loop = loop
    call.mailbox = mailbox_of(loop)
    call.method = method
    call.serializer = serializer
    call.deserializer = deserializer
    call.begin(transport, head, request)
    return call
