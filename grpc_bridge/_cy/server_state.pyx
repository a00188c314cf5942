# cython: language_level=3, boundscheck=False, wraparound=False
"""The states of one call on the server. No I/O, no asyncio, no threads.

Its verbs may be used from any thread; what has ended ignores them. The GIL guards the states: nothing is
allocated between a test and the change that depends on it (see `handoff`).
"""

from grpc_bridge._metadata import illegal_pair

from grpc_bridge._cy.transport cimport WRITE_NO_COMPRESS, ServerSink, ServerStream


cdef int _OK = 0
cdef int _INTERNAL = 13
cdef bytes _INVALID_METADATA = b"Invalid metadata"


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
        # Until nothing waits to follow, whoever wants to send has to get in line.
        while self._queued:
            message, flags, ticket = self._queued.pop(0)
            self.writer_waits = len(self._queued) > 0
            if not self._given_up(ticket):
                self._send(message, flags)
                return self._message_taken(ticket, True)
        self.sending = False
        if self._ending is not None:
            (message, code, details), self._ending = self._ending, None
            return self._end_stream(message, code, details)
        return 0

    cdef int on_closed(self, bint cancelled) except -1:
        self.closed = True
        self.cancelled = cancelled and not self.finished
        self._drop_queued()
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
        """Send them now, or end the RPC if one of them cannot be a header."""
        wrong = illegal_pair(metadata)
        if wrong is not None:
            self.finished = True
            self._metadata_refused(wrong)
            return self.stream.finish(self._unsent_headers(), None, 0, _INTERNAL, _INVALID_METADATA, None)
        if self.compression_header is not None:
            metadata = self.compression_header + metadata
        self.stream.send_headers(metadata)
        # Only now: the transport may have refused them.
        self.headers_sent = True
        return 0

    cdef int send_message(self, bytes message, object ticket) except -1:
        """Send a message when the one before it has gone; the ticket says who waits until it is taken."""
        cdef int flags = self._flags()
        cdef list last
        if self.sending:
            last = [(message, flags, ticket)]
            if not self.is_active():
                return self._message_taken(ticket, False)
            if self.sending:
                if self._queued is None:
                    self._queued = last
                else:
                    self._queued.append(last[0])
                self.writer_waits = True
                return 0
        self._send(message, flags)
        return self._message_taken(ticket, True)

    cdef int finish(self, bytes message, int code, object details) except -1:
        """Send the status, and before it the last message, if there is one.

        Messages that still wait go first, unless something has gone wrong.
        """
        if not self.is_active():
            return 0
        self.finished = True
        if self.sending and code == _OK:
            ending = (message, code, details)
            if self.sending:
                self._ending = ending
                return 0
        self._drop_queued()
        return self._end_stream(message, code, details)

    cdef int lose(self, int code, object details) except -1:
        """End badly what has no handler any more: also where a better status waits for messages that do not go."""
        if self._ending is not None:
            self.finished = False
        return self.finish(None, code, details)

    # ---- inside -----------------------------------------------------------------------------------

    cdef int _send(self, bytes message, int flags) except -1:
        self.sending = self.wrote = True
        return self.stream.send(self._unsent_headers(), message, flags)

    cdef int _drop_queued(self) except -1:
        queued, self._queued = self._queued, None
        self._ending = None
        self.writer_waits = False
        if queued:
            for _, _, ticket in queued:
                self._message_taken(ticket, False)
        return 0

    cdef int _end_stream(self, bytes message, int code, object details) except -1:
        cdef tuple headers = self._unsent_headers()
        cdef bytes refusal
        # Of what the handler has set, something may be impossible to send. The client must not wait for ever.
        try:
            # Older versions of C-core drop a status with such trailers, and do not say so.
            wrong = None if self.trailers is None else illegal_pair(self.trailers)
            if wrong is None:
                return self.stream.finish(headers, message, self._flags(), code, details, self.trailers)
            self._metadata_refused(wrong)
            refusal = _INVALID_METADATA
        except Exception as error:
            self._status_refused(error)
            refusal = b"The status could not be sent!"
        return self.stream.finish(headers, None, 0, _INTERNAL, refusal, None)

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

    cdef bint _given_up(self, object ticket) except -1:
        """Whether whoever wanted to send the message does so no more."""
        return False

    cdef int _message_taken(self, object ticket, bint ok) except -1:
        return 0

    cdef int _metadata_refused(self, object pair) except -1:
        return 0

    cdef int _status_refused(self, object error) except -1:
        return 0

    cdef int _closed(self) except -1:
        return 0
