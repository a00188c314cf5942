from grpc_bridge._cy.transport cimport ServerSink, ServerStream


cdef class ServerCallState(ServerSink):
    # what the call is
    cdef ServerStream stream
    cdef readonly str method
    cdef readonly tuple invocation_metadata
    cdef readonly double deadline

    # what the handler has said of its end
    cdef public object code  # grpc.StatusCode, or None
    cdef public object details  # str or bytes, or None
    cdef public tuple trailers
    cdef public bint aborted

    # how it stands
    cdef readonly bint headers_sent
    cdef readonly bint finished
    cdef readonly bint closed
    cdef readonly bint cancelled
    cdef public tuple compression_header
    cdef public bint plain_next

    # what goes out: one message at a time, and those that wait for it, in order
    cdef bint sending
    cdef readonly bint wrote  # at least one
    cdef list _queued  # of (message, flags, ticket), or None
    cdef tuple _ending  # the status that waits for them: (message, code, details)

    # what came in
    cdef bytes inbox
    cdef bint reading
    cdef readonly bint read_ended

    # verbs
    cdef bint is_active(self)
    cdef int want_message(self) except -1
    cdef bytes take_message(self)
    cdef int send_headers(self, tuple metadata) except -1
    cdef int send_message(self, bytes message, object ticket) except -1  # then _message_taken
    cdef int finish(self, bytes message, int code, object details) except -1
    cdef int lose(self, int code, object details) except -1

    # inside
    cdef int _send(self, bytes message, int flags) except -1
    cdef int _drop_queued(self) except -1
    cdef int _end_stream(self, bytes message, int code, object details) except -1
    cdef tuple _unsent_headers(self)
    cdef int _flags(self)

    # hooks
    cdef int _message_came(self) except -1
    cdef bint _given_up(self, object ticket) except -1
    cdef int _message_taken(self, object ticket, bint ok) except -1  # not ok: dropped
    cdef int _metadata_refused(self, object pair) except -1
    cdef int _status_refused(self, object error) except -1
    cdef int _closed(self) except -1
