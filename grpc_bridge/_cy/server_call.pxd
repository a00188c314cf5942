from grpc_bridge._cy.handoff cimport LoopMailbox
from grpc_bridge._cy.server_state cimport ServerCallState
from grpc_bridge._cy.transport cimport ServerSink


cdef ServerSink nobody


cdef class HandlerPlan:
    # what is known of a method before it is called, and its name from then on
    cdef str method
    cdef readonly object behavior
    cdef readonly object request_deserializer
    cdef readonly object response_serializer
    cdef readonly bint request_streaming
    cdef readonly bint response_streaming
    cdef readonly bint is_async
    cdef readonly object pool


cdef class ServerShared:
    # how a handler's arguments are made
    cdef object make_context
    cdef object make_requests
    # the loop of its async handlers
    cdef LoopMailbox _loop_mailbox
    cdef object _mailbox_getter
    # how many calls are being handled
    cdef int active
    # what waits for that loop, and is lost with it: ServerSink
    cdef set on_loop

    cdef LoopMailbox loop_mailbox(self)


cdef class ServerCall(ServerCallState):
    cdef ServerShared shared
    cdef HandlerPlan plan
    # who waits for a request: a waiter of a loop, or a thread's gate; more than one is rare
    cdef object _reader
    cdef list _more_readers
    # plain functions, called with nothing once the call is over
    cdef list _callbacks

    cdef object begin_write(self, object response)
    cdef int abandon(self, int code, object details) except -1
    cdef int _wait_to_read(self, object waiter) except -1
    cdef int _wake_readers(self) except -1
    cdef bytes serialized(self, object response)
    cdef object deserialized(self, bytes message)
