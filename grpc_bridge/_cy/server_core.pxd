from grpc_bridge._cy.handoff cimport Completion, Mailbox
from grpc_bridge._cy.server_call cimport HandlerPlan, ServerShared
from grpc_bridge._cy.transport cimport Acceptor, ServerStream, ServerTransport


cdef class ServerCore(Acceptor):
    cdef ServerShared _shared
    cdef object _resolve
    cdef object _limit
    cdef object _base_variables
    cdef object _on_drained
    cdef dict _plans
    cdef Mailbox _resolver  # where the user's code that finds handlers runs

    cdef int resolve(self, _Resolve call) except -1
    cdef int accept(self, ServerStream stream, str method, tuple metadata, double deadline,
                    HandlerPlan plan, object variables, bint is_open) except -1
    cdef int reject(self, ServerStream stream, int code, str details) except -1
    cdef int refuse(self, ServerStream stream, int code, str details) except -1


cdef class _Resolve(Completion):
    cdef ServerCore core
    cdef ServerStream stream
    cdef str method
    cdef tuple metadata
    cdef double deadline


cdef class ServerPort:
    cdef ServerTransport transport
    cdef ServerCore core
