from grpc_bridge._cy.transport cimport ClientSink, ClientStream


cdef class ClientCallState(ClientSink):
    # what the call is
    cdef ClientStream stream
    cdef readonly str method
    cdef object deserializer
    cdef readonly bint request_streaming
    cdef readonly bint response_streaming

    # how it ended; -1 while it runs
    cdef readonly int code
    cdef readonly str details
    cdef readonly str debug
    cdef readonly tuple headers
    cdef readonly tuple trailers
    cdef readonly bint cancelled_here
    # why, when the reason is an exception of this process
    cdef public object cause

    # what came in
    cdef object response
    cdef bytes inbox
    cdef bint reading
    cdef bint read_ended

    # what goes out
    cdef bint writing
    cdef readonly bint half_closed

    # verbs of the side that uses the call
    cdef bint cancel(self, int code, str details) except -1
    cdef int leave(self, int code, str details) except -1
    cdef int want_message(self) except -1
    cdef bytes take_message(self)

    # inside
    cdef object _deserialized(self, bytes message)
    cdef int _end(self, int code, str details, tuple metadata, str debug) except -1

    # hooks of the side that waits for it
    cdef int _headers_came(self) except -1
    cdef int _message_came(self) except -1
    cdef int _ended(self) except -1
