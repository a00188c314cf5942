# cython: language_level=3, boundscheck=False, wraparound=False
"""The states of one call on the server. No I/O, no asyncio, no threads.

Its verbs may be used from any thread; what has ended ignores them.
"""

from grpc_bridge._cy.transport cimport WRITE_NO_COMPRESS, ServerSink, ServerStream


cdef class ServerCallState(ServerSink):
    """What is known of a call, and what has been said to the client."""

    # ---- what the transport reports ---------------------------------------------------------------

    cdef int on_message(self, bytes message) except -1:
        self.reading = False
        if message is None:
            self.read_ended = True
        else:
            self.inbox = message
        return self._message_came()

    cdef int on_sent(self, bint ok) except -1:
        return self._message_went(ok)

    cdef int on_closed(self, bint cancelled) except -1:
        self.closed = True
        self.cancelled = cancelled and not self.finished
        return self._closed()

    # ---- what the handler does --------------------------------------------------------------------

    cdef bint is_active(self):
        """Whether the client still waits for something."""
        return not self.closed and not self.finished

    cdef int want_message(self) except -1:
        """Ask for the next request, unless one is here, on its way, or past hoping for."""
        if self.reading or self.read_ended or self.inbox is not None:
            return 0
        if self.closed:
            self.read_ended = True
            return 0
        self.reading = True
        return self.stream.receive()

    cdef bytes take_message(self):
        """The request that has come, making room for the next; None if there is none."""
        cdef bytes message = self.inbox
        if message is not None:
            self.inbox = None
            self.want_message()
        return message

    cdef int send_headers(self, tuple metadata) except -1:
        self.headers_sent = True
        if self.compression_header is not None:
            metadata = self.compression_header + metadata
        return self.stream.send_headers(metadata)

    cdef int send_message(self, bytes message) except -1:
        return self.stream.send(self._unsent_headers(), message, self._flags())

    cdef int finish(self, bytes message, int code, object details) except -1:
        """Send the status, and before it the last message, if there is one."""
        if not self.is_active():
            return 0
        self.finished = True
        return self.stream.finish(
            self._unsent_headers(), message, self._flags(), code, details, self.trailers
        )

    # ---- inside -----------------------------------------------------------------------------------

    cdef tuple _unsent_headers(self):
        if self.headers_sent:
            return None
        self.headers_sent = True
        return () if self.compression_header is None else self.compression_header

    cdef int _flags(self):
        if self.plain_next:
            self.plain_next = False
            return WRITE_NO_COMPRESS
        return 0

    cdef int _message_came(self) except -1:
        return 0

    cdef int _message_went(self, bint ok) except -1:
        return 0

    cdef int _closed(self) except -1:
        return 0
