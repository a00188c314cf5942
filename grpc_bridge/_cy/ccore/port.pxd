# What the rest of the core may ask of grpcio's compiled layer. See port.pyx.

from grpc_bridge._cy.transport cimport CallHead


# ---- client ---------------------------------------------------------------------------------------
cdef object open_channel(bytes target, tuple options, object credentials, object compression)
cdef object start_unary_unary(object channel, CallHead head, bytes request, object tag)
cdef object start_unary_stream(object channel, CallHead head, bytes request, object tag, object headers_tag)
cdef object start_stream_unary(object channel, CallHead head, object tag, object headers_tag)
cdef object start_stream_stream(object channel, CallHead head, object tag, object headers_tag)
cdef bint send_message(object call, bytes message, object tag) except -1
cdef bint send_end(object call, object tag) except -1
cdef bint receive_message(object call, object tag) except -1
cdef bint fence(object call, object tag) except -1
cdef object start_unsent(object channel, object tag)
cdef int cancel(object call, int code, str details) except -1

# ---- server ---------------------------------------------------------------------------------------
cdef object open_server(tuple options, object compression, bint xds)
cdef object new_queue(object server)
cdef int request_call(object server, object queue, object tag) except -1
cdef object peer_of(object call)
cdef int server_receive(object call, object tag) except -1
cdef int server_watch(object call, object tag) except -1
cdef int server_send_headers(object call, tuple metadata, object tag) except -1
cdef int server_send(object call, tuple headers, bytes message, int flags, object tag) except -1
cdef int server_finish(object call, tuple headers, bytes message, int flags, int code, object details,
                       tuple metadata, object tag) except -1

# ---- events ---------------------------------------------------------------------------------------
cdef bint is_timeout(object event)
cdef object message_of(object event, int index)
cdef object headers_of(object event, int index)
cdef tuple status_of(object event, int index)
cdef bint cancelled_of(object event) except -1
