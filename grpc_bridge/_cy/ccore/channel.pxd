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
    # what is posted to mark the queue's end, and to get the thread out of it
    cdef Completion _fence
    cdef Completion _nudge
    cdef bint _nudged
    # a call that is never sent, to hang those on; how it ends is an event, too
    cdef object _keeper
    cdef Completion _keeper_over
    cdef bint _dismissed

    cdef int dismiss(self) except -1
    cdef bint _is_ours(self, Completion tag)
    cdef int stop(self) except -1
    cdef int ended(self) except -1
    cdef int begin(self) except -1
    cdef int nudge(self) except -1
    cdef bint can_linger(self)
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
