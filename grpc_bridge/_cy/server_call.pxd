from grpc_bridge._cy.handoff cimport Completion, LoopMailbox, Mailbox
from grpc_bridge._cy.server_state cimport ServerCallState
from grpc_bridge._cy.transport cimport Acceptor, ServerStream, ServerTransport


cdef class HandlerPlan:
    # what is known of a method before it is called
    cdef readonly object behavior
    cdef readonly object request_deserializer
    cdef readonly object response_serializer
    cdef readonly bint request_streaming
    cdef readonly bint response_streaming
    cdef readonly bint is_async
    cdef readonly object pool


cdef class ServerCall(ServerCallState):
    cdef readonly ServerCore core
    cdef HandlerPlan plan
    cdef readonly object context  # the handler's
    cdef object variables  # contextvars.Context
    # futures of the loop
    cdef object _task
    cdef object _read_waiter
    cdef object _write_waiter
    # gates of the pool's thread
    cdef object _read_gate
    cdef object _write_gate
    # plain functions, called with nothing once the call is over
    cdef list _callbacks
    cdef bint _counted
    cdef bint _over

    cdef int begin(self) except -1
    cdef int run(self) except -1
    cdef int run_with(self, object argument) except -1
    cdef int start_task(self, object coroutine) except -1
    cdef int fail(self, object error, str what) except -1
    cdef int end(self, object message) except -1
    cdef int over(self) except -1
    cdef int _release(self) except -1
    cdef bytes serialized(self, object response)
    cdef object deserialized(self, bytes message)


cdef class ServerCore(Acceptor):
    cdef readonly object resolve
    cdef readonly object make_context
    cdef readonly object make_requests
    cdef dict plans
    cdef object limit
    cdef readonly int active
    cdef object base_variables
    cdef object _mailbox_getter
    cdef LoopMailbox _loop_mailbox
    cdef object _on_drained

    cdef LoopMailbox loop_mailbox(self)
    cdef int accept(self, ServerStream stream, str method, tuple metadata, double deadline,
                    HandlerPlan plan, object variables) except -1
    cdef int reject(self, ServerStream stream, int code, str details) except -1


cdef class ServerPort:
    cdef ServerTransport transport
    cdef ServerCore core
