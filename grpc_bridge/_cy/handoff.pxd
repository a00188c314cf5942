# How a completion gets from the thread that polls a transport to whoever waits for it.


cdef class Completion:
    # where it is delivered
    cdef Mailbox mailbox
    # what the transport says of it
    cdef object event
    # it is one of a stream: what it leads to may be done as soon as it is asked for
    cdef bint streams

    cdef Mailbox destination(self)
    cdef int deliver(self) except -1  # on the destination's thread
    cdef int abandon(self) except -1  # instead, on any: the destination's loop has been closed


cdef class Mailbox:
    cdef int push(self, Completion completion) except -1  # any thread
    cdef bint is_lost(self) except -1  # any thread
    cdef bint is_behind(self)  # any thread
    cdef int lend(self, Source source) except -1  # any thread


cdef class Source:
    cdef int relent  # how often since the borrower stirred
    cdef bint shared  # others than the borrower may wait for it
    cdef bint fresh  # lent, and not pulled from yet
    cdef int pull(self, LoopMailbox borrower) except -1  # on the borrower's thread
    cdef int give_back(self, LoopMailbox borrower) except -1


cdef class InlineMailbox(Mailbox):
    pass


cdef class LoopMailbox(Mailbox):
    # the loop
    cdef readonly object loop
    # what waits for the loop's next turn
    cdef list _ready
    cdef bint _scheduled
    cdef object _drain_callback
    cdef object _context
    # waiters that have got what they wait for, and tasks that have been started, in this turn
    cdef list _resumable
    cdef bint _resumes
    # what the loop watches for a wake-up from another thread; negative where it watches only its own
    cdef int _bell
    # the loop's own list of what it is to call next, where it is asyncio's
    cdef object _loop_ready
    # pollers that have lent their turn to this loop
    cdef list _sources

    cdef int wake(self) except -1
    cdef int _hang_bell(self) except -1
    cdef int _resume_all(self) except -1
    cdef bint defer(self, object callback) except -1  # any thread
    cdef int hasten(self) except -1
    cdef int _pull_all(self) except -1
    cdef int _deliver_all(self) except -1
    cdef int _deliver_ready(self) except -1
    cdef int _abandon(self) except -1


cdef class Waiter:
    cdef LoopMailbox _mailbox
    cdef public bint _asyncio_future_blocking
    cdef int _state
    cdef object _result
    # whom to tell, and its context variables; more than one is rare
    cdef object _callback
    cdef object _context
    cdef list _others

    cdef int _tell(self) except -1


cdef InlineMailbox inline_mailbox

cpdef LoopMailbox mailbox_of(object loop)
