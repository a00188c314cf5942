# The seam. Above it the RPC layer: call states, streams, deadlines, cancellation; it names no type of
# any transport. Below it a transport, which moves one call's headers, messages and status. A second
# transport is a second set of subclasses of the four classes whose names end in Transport and Stream.
#
# Streams may be called from any thread. Sinks are called on the thread of their mailbox, one hook at a
# time. Status codes are numbers as on the wire; metadata is a tuple of (key, value) pairs.

from grpc_bridge._cy.handoff cimport Completion, Mailbox


# ---- client ---------------------------------------------------------------------------------------

cdef class ClientTransport:
    cdef ClientStream start(self, ClientSink sink, CallHead head, object request)
    cdef int close(self) except -1


cdef class CallHead:
    # what a call starts with
    cdef object method  # ClientTransport's own handle of it, from `method_handle`
    cdef tuple metadata
    cdef object deadline  # seconds since the epoch, or None
    cdef object wait_for_ready  # None: the channel's own default
    cdef object credentials
    cdef bint request_streaming
    cdef bint response_streaming


cdef class ClientStream(Completion):
    cdef int send(self, bytes message) except -1  # then on_sent
    cdef int send_end(self) except -1
    cdef int receive(self) except -1  # then on_message
    cdef int cancel(self, int code, str details) except -1  # then on_status


cdef class ClientSink:
    cdef Mailbox mailbox
    cdef bint writer_waits  # for on_sent; else that may come on any thread

    cdef int on_headers(self, tuple metadata) except -1
    cdef int on_message(self, bytes message) except -1  # None: no more
    cdef int on_sent(self, bint ok) except -1
    cdef int on_status(self, int code, str details, tuple metadata, str debug) except -1


cdef enum WriteFlags:
    WRITE_NO_COMPRESS = 2


# ---- server ---------------------------------------------------------------------------------------

cdef class ServerTransport:
    cdef int start(self, Acceptor acceptor, Mailbox borrower) except -1  # whose thread may do the polling
    cdef int refuse_new(self) except -1  # then on_drained
    cdef int cancel_all(self) except -1


cdef class Acceptor:
    # any thread; must not block
    cdef int on_call(self, ServerStream stream, str method, tuple metadata, double deadline) except -1
    cdef int on_lost(self) except -1  # the borrower's loop has been closed; may be said again and again
    cdef int on_drained(self) except -1


cdef class ServerStream(Completion):
    cdef ServerSink sink

    cdef int open(self, ServerSink sink, Mailbox mailbox) except -1  # then, once, on_closed
    cdef int receive(self) except -1  # then on_message
    cdef int send_headers(self, tuple metadata) except -1
    cdef int send(self, tuple headers, bytes message, int flags) except -1  # then on_sent
    cdef int finish(self, tuple headers, bytes message, int flags, int code, object details,
                    tuple metadata) except -1
    cdef int cancel(self) except -1
    cdef str peer(self)
    cdef tuple identity(self)  # identities, the name of their property, the whole context


cdef class ServerSink:
    cdef Mailbox mailbox
    cdef bint writer_waits  # for on_sent; else that may come on any thread

    cdef int on_message(self, bytes message) except -1  # None: the client sends no more
    cdef int on_sent(self, bint ok) except -1
    cdef int on_closed(self, bint cancelled) except -1
    cdef int on_lost(self) except -1  # any thread: the mailbox's loop has been closed
