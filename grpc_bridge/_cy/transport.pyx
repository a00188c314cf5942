# cython: language_level=3
"""The seam between the RPC layer and a transport; `transport.pxd` is its readable form.

The bodies here are what a subclass must replace, or what a sink that does not care leaves alone.
"""

from grpc_bridge._cy.handoff cimport Completion, Mailbox


cdef class ClientTransport:
    """Makes a channel's calls. `method_handle`, `target` and the connectivity methods are plain Python."""

    cdef ClientStream start(self, ClientSink sink, CallHead head, object request):
        """Start a call; `request` is the one message of a call that does not stream requests."""
        raise SystemError("a transport without start()")

    cdef int close(self) except -1:
        """Cancel every call and refuse new ones."""
        raise SystemError("a transport without close()")


cdef class CallHead:
    """What a call starts with."""

    def __init__(self, object method, tuple metadata, object deadline, object wait_for_ready,
                 object credentials, bint request_streaming, bint response_streaming):
        self.method = method
        self.metadata = metadata
        self.deadline = deadline
        self.wait_for_ready = wait_for_ready
        self.credentials = credentials
        self.request_streaming = request_streaming
        self.response_streaming = response_streaming


cdef class ClientStream(Completion):
    """One call on the client, as the transport sees it."""

    cdef int send(self, bytes message) except -1:
        raise SystemError("a client stream without send()")

    cdef int send_end(self) except -1:
        raise SystemError("a client stream without send_end()")

    cdef int receive(self) except -1:
        raise SystemError("a client stream without receive()")

    cdef int cancel(self, int code, str details) except -1:
        raise SystemError("a client stream without cancel()")


cdef class ClientSink:
    """One call on the client, as the RPC layer sees it."""

    cdef int on_headers(self, tuple metadata) except -1:
        return 0

    cdef int on_message(self, bytes message) except -1:
        return 0

    cdef int on_sent(self, bint ok) except -1:
        return 0

    cdef int on_status(self, int code, str details, tuple metadata, str debug) except -1:
        return 0


cdef class ServerTransport:
    """Listens on ports and brings calls in."""

    cdef int start(self, Acceptor acceptor, Mailbox borrower) except -1:
        raise SystemError("a transport without start()")

    cdef int refuse_new(self) except -1:
        raise SystemError("a transport without refuse_new()")

    cdef int cancel_all(self) except -1:
        raise SystemError("a transport without cancel_all()")


cdef class Acceptor:
    """Who takes a server's new calls."""

    cdef int on_call(self, ServerStream stream, str method, tuple metadata, double deadline) except -1:
        return 0

    cdef int on_lost(self) except -1:
        return 0

    cdef int on_drained(self) except -1:
        return 0


cdef class ServerStream(Completion):
    """One call on the server, as the transport sees it."""

    cdef int open(self, ServerSink sink, Mailbox mailbox) except -1:
        raise SystemError("a server stream without open()")

    cdef int receive(self) except -1:
        raise SystemError("a server stream without receive()")

    cdef int send_headers(self, tuple metadata) except -1:
        raise SystemError("a server stream without send_headers()")

    cdef int send(self, tuple headers, bytes message, int flags) except -1:
        raise SystemError("a server stream without send()")

    cdef int finish(self, tuple headers, bytes message, int flags, int code, object details,
                    tuple metadata) except -1:
        raise SystemError("a server stream without finish()")

    cdef int cancel(self) except -1:
        raise SystemError("a server stream without cancel()")

    cdef str peer(self):
        raise SystemError("a server stream without peer()")

    cdef tuple identity(self):
        raise SystemError("a server stream without identity()")


cdef class ServerSink:
    """One call on the server, as the RPC layer sees it."""

    cdef int on_message(self, bytes message) except -1:
        return 0

    cdef int on_sent(self, bint ok) except -1:
        return 0

    cdef int on_closed(self, bint cancelled) except -1:
        return 0

    cdef int on_lost(self) except -1:
        return 0
