from grpc_bridge._cy.server_call cimport ServerCall


cdef class HandledCall(ServerCall):
    cdef readonly object context  # the handler's
    cdef object variables  # contextvars.Context
    cdef object _task
    cdef bint _counted
    cdef bint _ran
    cdef bint _entered  # its coroutine
    cdef bint _over

    cdef int begin(self, bint is_open) except -1
    cdef int run(self) except -1
    cdef int run_with(self, object argument) except -1
    cdef int start_task(self, object coroutine) except -1
    cdef int _turned_away(self, object error) except -1
    cdef int fail(self, object error, str what) except -1
    cdef int end(self, object message) except -1
    cdef int over(self) except -1
    cdef int _release(self) except -1
