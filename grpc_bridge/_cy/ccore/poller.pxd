from cpython.pythread cimport PyThread_type_lock

from grpc_bridge._cy.handoff cimport Completion, LoopMailbox, Mailbox, Source


cdef class Poller(Source):
    # announced less taken: never more than are on their way
    cdef int pending
    cdef object __weakref__
    # set while the process forks; the thread stays out of the queue
    cdef bint _held
    cdef bint _inside
    cdef bint _nudging
    # nothing came for a while: sleep the next time nothing is on its way
    cdef bint _weary
    cdef unsigned long _routed_before
    # where the thread stands
    cdef object _thread
    cdef bint _idle
    cdef LoopMailbox _borrower
    # the last for whom something was started since nothing was on its way
    cdef Mailbox _served
    cdef bint _stopped
    # called once, with nothing, when nothing is on its way any more
    cdef list _on_idle
    cdef PyThread_type_lock _bell
    # counts the pulls of a borrower, so that one that stands still is noticed
    cdef unsigned long _pulls
    # how many events were routed, and how many more of streams are to come before the turn is lent for one
    cdef unsigned long _routed
    cdef int _reluctance
    cdef int _refusals
    cdef bint _pulling

    cdef int expect(self, int events) except -1  # once they are certain to come
    cdef void serve(self, Mailbox mailbox)
    cdef int stop(self) except -1
    cdef int when_idle(self, object callback) except -1
    cdef int ended(self) except -1  # nothing more will come
    cdef int begin(self) except -1
    cdef int nudge(self) except -1  # make next_event() return soon
    cdef bint can_linger(self)

    cdef object next_event(self)  # blocking: waits for the network
    cdef int route(self, object event) except -1
    cdef Mailbox borrower_for(self, Completion tag)
    cdef bint lends_for(self, Completion tag, Mailbox mailbox)
    cdef void _ring(self)
    cdef bint _lingers(self) except -1
    cdef int _sleep(self) except -1  # blocking: waits for a call to start
    cdef int _await_return(self) except -1  # blocking: waits for the borrower
    cdef void _learn(self, unsigned long routed)
