# cython: language_level=3, boundscheck=False, wraparound=False
"""The states of one call on the client. No I/O, no asyncio: what came, what went, how it ended.

Headers, then messages, then a status; a status ends everything. One message is read ahead, and one
more waits in the transport, so a reader that stops stops the server.
"""

import logging

from grpc_bridge._cy.transport cimport ClientSink, ClientStream

cdef int _RUNNING = -1
cdef int _OK = 0
cdef int _CANCELLED = 1
cdef int _INTERNAL = 13

_LOGGER = logging.getLogger("grpc_bridge")


cdef class ClientCallState(ClientSink):
    """What is known of a call."""

    def __cinit__(self):
        self.code = _RUNNING

    # ---- what the transport reports ---------------------------------------------------------------

    cdef int on_headers(self, tuple metadata) except -1:
        if self.headers is None:
            self.headers = metadata
            return self._headers_came()
        return 0

    cdef int on_message(self, bytes message) except -1:
        if self.response_streaming:
            self.reading = False
            if message is None:
                self.read_ended = True
            else:
                self.inbox = message
            return self._message_came()
        if message is not None and self.code == _RUNNING:
            self.response = self._deserialized(message)
        return 0

    cdef int on_status(self, int code, str details, tuple metadata, str debug) except -1:
        if self.code == _RUNNING:
            return self._end(code, details, metadata, debug)
        return 0

    # ---- what the user asks for -------------------------------------------------------------------

    cdef bint cancel(self, int code, str details) except -1:
        """End the call from this side; False when it had ended before."""
        cdef ClientStream stream
        if self.code != _RUNNING:
            return False
        self.cancelled_here = code == _CANCELLED
        stream = self.stream
        if stream is not None:
            stream.cancel(code, details)
        self._end(code, details, (), details)
        return True

    cdef int leave(self, int code, str details) except -1:
        """End the call where nobody is left to hear of it."""
        cdef ClientStream stream = self.stream
        self.stream = None
        self.code = code
        self.details = self.debug = details
        self.cancelled_here = code == _CANCELLED
        if stream is not None:
            stream.cancel(code, details)
        return 0

    cdef int want_message(self) except -1:
        """Ask for the next message, unless one is here, on its way, or past hoping for."""
        if self.reading or self.read_ended or self.inbox is not None:
            return 0
        cdef ClientStream stream = self.stream
        if stream is None:
            # A status comes after the last message.
            self.read_ended = True
            return 0
        self.reading = True
        return stream.receive()

    cdef bytes take_message(self):
        """The message that has come, making room for the next; None if there is none."""
        cdef bytes message = self.inbox
        if message is not None:
            self.inbox = None
            self.want_message()
        return message

    # ---- inside -----------------------------------------------------------------------------------

    cdef object _deserialized(self, bytes message):
        if self.deserializer is None:
            return message
        try:
            return self.deserializer(message)
        except BaseException as error:
            self.cause = error
            self.cancel(_INTERNAL, "Exception deserializing response!")
            if isinstance(error, (SystemExit, KeyboardInterrupt)):
                raise  # it ends the loop, which may be run again: nobody must wait for this call then
            _LOGGER.exception("Exception deserializing message!")
            return None

    cdef int _end(self, int code, str details, tuple metadata, str debug) except -1:
        self.code = code
        self.details = details
        self.trailers = () if metadata is None else metadata
        self.debug = debug
        # The stream holds this object, too.
        self.stream = None
        if self.headers is None:
            self.headers = ()
            self._headers_came()
        return self._ended()

    cdef int _headers_came(self) except -1:
        return 0

    cdef int _message_came(self) except -1:
        return 0

    cdef int _ended(self) except -1:
        return 0
