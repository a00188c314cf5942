from grpc_bridge._cy.client_state cimport ClientCallState
from grpc_bridge._cy.handoff cimport LoopMailbox
from grpc_bridge._cy.transport cimport CallHead, ClientTransport


cdef class ClientCall(ClientCallState):
    cdef readonly object loop
    cdef object serializer
    cdef public object deadline
    # futures of the loop, and waiters of its mailbox
    cdef list _end_waiters
    cdef list _header_waiters
    cdef object _read_waiter
    cdef list _outbox  # of (message, waiter), or None
    cdef bint _end_sent
    # plain functions, called with nothing once the call has ended
    cdef list _callbacks

    cdef int begin(self, ClientTransport transport, CallHead head, object request) except -1
    cdef int check_loop(self) except -1
    cdef int _add_end_waiter(self, object waiter) except -1
    cdef int _send_end(self) except -1
    cdef object _error(self)


cdef class CallHandle:
    cdef readonly ClientCall core
    # somebody waits for it, or has said that nobody will
    cdef public bint claimed
    # somebody has read or written some of it
    cdef public bint used
    # its requests come from an iterator
    cdef public bint fed
    # in asyncio's debug mode, where it was started
    cdef readonly object origin
    cdef object __weakref__
