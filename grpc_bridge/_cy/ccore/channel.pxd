from grpc_bridge._cy.ccore.poller cimport Poller
from grpc_bridge._cy.handoff cimport Completion, LoopMailbox
from grpc_bridge._cy.transport cimport CallHead, ClientSink, ClientStream, ClientTransport


cdef class CCoreChannel(ClientTransport):
    cdef object _channel
    cdef ClientPoller _poller
    cdef dict _handles
    cdef bint _closed

    cdef ClientStream start(self, ClientSink sink, CallHead head, object request)
    cdef int close(self) except -1


cdef class ClientPoller(Poller):
    cdef object _channel
    cdef object _fence
    # the call that was started last, to hang a fence on
    cdef object _latest

    cdef int ended(self) except -1
    cdef int nudge(self) except -1
    cdef object next_event(self)  # blocking: waits for the network
    cdef int pull(self, LoopMailbox borrower) except -1


cdef class CCoreStream(ClientStream):
    cdef CCoreChannel _transport
    cdef ClientSink _sink
    cdef object _call
    # a status that has come before the headers, which are certain to come
    cdef bint _headers_due
    cdef object _early_status

    cdef int send(self, bytes message) except -1
    cdef int send_end(self) except -1
    cdef int receive(self) except -1
    cdef int cancel(self, int code, str details) except -1
    cdef int _or_at_once(self, bint started, StreamTag tag) except -1
    cdef int _deliver_status(self, object event, int index) except -1
    cdef int _headers_delivered(self) except -1


cdef class StreamTag(Completion):
    cdef ClientSink sink
