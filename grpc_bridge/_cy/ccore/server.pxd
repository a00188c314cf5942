from grpc_bridge._cy.ccore.poller cimport Poller
from grpc_bridge._cy.handoff cimport Completion, LoopMailbox, Mailbox
from grpc_bridge._cy.transport cimport Acceptor, ServerSink, ServerStream, ServerTransport


cdef class CCoreServer(ServerTransport):
    cdef object _server
    cdef object _queue
    cdef ServerPoller _poller
    cdef Acceptor _acceptor
    cdef bint _refusing
    cdef object _end_lock

    cdef int _post(self, RequestTag tag) except -1


cdef class ServerPoller(Poller):
    cdef object _queue
    # who is told when the loop of that mailbox has been closed, and when it was looked at last
    cdef Acceptor _acceptor
    cdef Mailbox _home
    cdef double _looked_up

    cdef Mailbox borrower_for(self, Completion tag)
    cdef object next_event(self)  # blocking: waits for the network
    cdef int look_after(self, Acceptor acceptor, Mailbox home) except -1
    cdef int _look_up(self) except -1
    cdef int pull(self, LoopMailbox borrower) except -1


cdef class RequestTag(Completion):
    cdef CCoreServer _server
    cdef Mailbox borrower  # who may do the polling when it is behind


cdef class DrainedTag(Completion):
    cdef CCoreServer _server


cdef class CCoreServerStream(ServerStream):
    cdef CCoreServer _server
    cdef object _call
    cdef bint _received


cdef class ServerStreamTag(Completion):
    cdef ServerSink sink
