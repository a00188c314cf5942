# cython: language_level=3, boundscheck=False, wraparound=False
"""One thread per completion queue.

While something is on its way the thread waits in the queue, and puts what comes out into the mailboxes
of those who wait. When nothing is left, most often something will be in a moment: so the thread *lingers*
in the queue, where the next event finds it, and only after a second without any sleeps on a lock of its
own.

Under load that costs: the poller needs the GIL once for each event, and so takes it from the loop
once for each event. So where a loop has not yet come to what it got before, the poller lends its turn. The loop that got the last event empties the queue itself,
once per turn of its own, until nothing is left to take; then the poller goes back to waiting. A
borrower that stands still (its user's code computes, or blocks) loses the turn after a few
milliseconds. If nobody else waits on the queue it gets it a few times more, for most often it is only
busy, and then not before it has stirred: so that neither others nor what it waits for itself (the end of
its calls, when it closes the channel) are kept waiting.
"""

cimport cython

import threading
import time
import weakref

from grpc_bridge import _fork

from cpython.pythread cimport (
    PY_LOCK_ACQUIRED,
    PyLockStatus,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
    PyThread_type_lock,
    WAIT_LOCK,
)

from grpc_bridge._cy.handoff cimport Completion, LoopMailbox, Mailbox, Source

cdef extern from "pythread.h":
    # Not among Cython's own declarations.
    PyLockStatus PyThread_acquire_lock_timed(PyThread_type_lock, long long microseconds, int intr_flag) nogil

# A poller to which nothing came for so long lingers no more. It may take up to twice that.
cdef double _LINGER_SECONDS = 1.0

# How long a borrower may stand still before it loses the turn for the first time; then twice as long each time.
cdef long long _PATIENCE_MICROSECONDS = 3000


# Events of streams for which the turn is not lent after a row of useless loans.
cdef int _MOST_REFUSALS = 63

cdef object _pollers = weakref.WeakSet()
# Set except while the process forks.
cdef object _released = threading.Event()
_released.set()
# A thread that does not come out of C-core by then has to be forked around.
cdef double _HOLD_SECONDS = 2.0


def _hold_all():
    cdef Poller poller
    cdef list pollers = list(_pollers)
    _released.clear()
    for poller in pollers:
        poller._held = True
        poller.nudge()
    patience = time.monotonic() + _HOLD_SECONDS
    for poller in pollers:
        while (poller._inside or poller._pulling or poller._nudging) and time.monotonic() < patience:
            # There is nothing to wait on that a thread inside C-core could set.
            time.sleep(0.0005)


def _release_all():
    cdef Poller poller
    for poller in list(_pollers):
        poller._held = False
    _released.set()


def _forget_all():
    # The parent's pollers have no threads here, and their owners leave them behind.
    global _pollers, _released, _lingering, _janitor
    _pollers = weakref.WeakSet()
    _lingering = set()
    _janitor = None
    _released = threading.Event()
    _released.set()


_fork.register(before=_hold_all, after_in_parent=_release_all, after_in_child=_forget_all)


# Those that the janitor looks after, and its thread.
cdef set _lingering = set()
cdef object _janitor = None


def _send_to_sleep():
    """The janitor's thread: it is there while any poller lingers."""
    global _janitor
    cdef Poller poller
    while _lingering:
        time.sleep(_LINGER_SECONDS)
        for poller in list(_lingering):
            if poller.pending > 0 or poller._routed == poller._routed_before:
                # One that waits for something is not lingering; it comes back when it does.
                _lingering.discard(poller)
                if poller.pending <= 0:
                    poller._weary = True
                    poller.nudge()
            else:
                poller._routed_before = poller._routed
    _janitor = None


@cython.no_gc  # see CCoreChannel
cdef class Poller(Source):
    """Waits on one completion queue; a subclass says how, and where events go."""

    def __cinit__(self):
        self._bell = PyThread_allocate_lock()
        PyThread_acquire_lock(self._bell, WAIT_LOCK)
        _pollers.add(self)

    def __dealloc__(self):
        if self._bell != NULL:
            PyThread_free_lock(self._bell)

    cdef int expect(self, int events) except -1:
        """Announce events, after what makes them happen has been started.

        An event may be taken before it is announced. So `pending` never exceeds what is on its way:
        the thread waits in the queue only when something will come out of it, and is woken here if it
        went to sleep too early.
        """
        self.pending += events
        if self._idle:
            self._idle = False
            self._ring()
        elif self._thread is None and self.pending > 0:
            # (All may have come already, and a thread that has been stopped have taken it and gone.)
            thread = threading.Thread(target=self._run, name="grpc_bridge poller", daemon=True)
            # Another thread may have been here while this one made it.
            if self._thread is None:
                self._thread = thread
                try:
                    thread.start()
                except BaseException:
                    # From Python 3.12 on there are no new threads once the interpreter ends.
                    self._thread = None
                    raise
        return 0

    cdef void serve(self, Mailbox mailbox):
        """Told for whom events are about to be on their way."""
        if self._served is not mailbox:
            self.shared = self._served is not None
            self._served = mailbox

    cdef int stop(self) except -1:
        """End the thread, once nothing more is on its way."""
        self._stopped = True
        if self._idle:
            self._idle = False
            self._ring()
        elif self._thread is None:
            self.ended()
        return 0

    cdef int when_idle(self, object callback) except -1:
        """Call it on the poller's thread once nothing is on its way; at once if nothing is."""
        cdef list callbacks = [callback]
        if self.pending <= 0:
            callback()
        elif self._on_idle is None:
            self._on_idle = callbacks
        else:
            self._on_idle.append(callback)
        return 0

    cdef int nudge(self) except -1:
        """Have the thread come out of the queue, if it is inside."""
        return 0

    cdef int begin(self) except -1:
        """Called on the thread, before it waits for the first time."""
        return 0

    cdef bint can_linger(self):
        """Whether a thread that waits for nothing can be nudged."""
        return False

    cdef bint _lingers(self) except -1:
        global _janitor
        if self._weary or not self.can_linger():
            return False
        if self not in _lingering:
            self._routed_before = self._routed
            _lingering.add(self)
            if _janitor is None:
                _janitor = threading.Thread(target=_send_to_sleep, name="grpc_bridge janitor", daemon=True)
                try:
                    _janitor.start()
                except RuntimeError:
                    # The interpreter ends.
                    _lingering.discard(self)
                    _janitor = None
                    return False
        return True

    cdef int ended(self) except -1:
        """Called once nothing more is on its way to a poller that was stopped."""
        return 0

    cdef object next_event(self):
        raise SystemError("a poller without next_event()")

    cdef int route(self, object event) except -1:
        """Put the event where it belongs."""
        cdef Completion tag = event.tag
        tag.event = event
        self.pending -= 1
        self._routed += 1
        return tag.destination().push(tag)

    cdef Mailbox borrower_for(self, Completion tag):
        """Where what comes of the event is delivered in the end."""
        return tag.destination()

    cdef bint lends_for(self, Completion tag, Mailbox mailbox):
        """Whether the loop is to have the turn with this event.

        It is if it has not yet come to what it got before. The messages of a stream may follow one another
        without a wait, too: whether they do is seen from what the loans before have brought.
        """
        if mailbox.is_behind():
            return True
        if not tag.streams:
            return False
        if self._refusals:
            self._refusals -= 1
            return False
        return True

    def _run(self):
        cdef Mailbox mailbox
        cdef Completion tag
        cdef bint lends
        cdef unsigned long routed
        self.begin()
        while True:
            if self._held:
                _released.wait()
                continue
            if self.pending <= 0:
                self.shared = False
                self._served = None
                callbacks, self._on_idle = self._on_idle, None
                if callbacks is not None:
                    for callback in callbacks:
                        callback()
                if self._stopped and self.pending <= 0:
                    # Whoever still expects something starts another.
                    self._thread = None
                    _lingering.discard(self)
                    self.ended()
                    return
            self._inside = True
            if self.pending <= 0 and not self._lingers():
                self._inside = False
                self._sleep()
                continue
            if self._held or (self._stopped and self.pending <= 0):
                # It came while nobody could have nudged this thread.
                self._inside = False
                continue
            event = self.next_event()
            self._inside = False
            if event is None:
                continue
            tag = event.tag
            mailbox = self.borrower_for(tag)
            lends = self.lends_for(tag, mailbox)
            self.route(event)
            # The event holds a call: it must be gone before the thread waits again.
            event = tag = None
            # A loop may have been closed before it came to what it had been woken for.
            if lends and isinstance(mailbox, LoopMailbox) and not mailbox.is_lost():
                routed = self._routed
                self._borrower = <LoopMailbox>mailbox
                # If it takes nothing, nothing has run in between: then it has not begun to pull, either.
                if mailbox.lend(self):
                    self._await_return()
                    self._learn(self._routed - routed)
                self._borrower = None

    # ---- lending ----------------------------------------------------------------------------------

    cdef void _learn(self, unsigned long routed):
        """Lend less readily, for a while, after loans that brought nothing."""
        if routed > 1:
            self._reluctance = 0
        else:
            self._reluctance = min(2 * self._reluctance + 1, _MOST_REFUSALS)
            self._refusals = self._reluctance

    cdef int _await_return(self) except -1:
        cdef unsigned long seen
        cdef bint rung
        cdef long long patience = _PATIENCE_MICROSECONDS << self.relent
        while True:
            with nogil:
                while True:
                    seen = self._pulls
                    rung = PyThread_acquire_lock_timed(self._bell, patience, 0) == PY_LOCK_ACQUIRED
                    if rung or (seen == self._pulls and not self._pulling):
                        break
            if rung:
                return 0
            # The borrower may have stirred between the look and the GIL.
            if seen == self._pulls and not self._pulling:
                if self._borrower is None:
                    PyThread_acquire_lock(self._bell, WAIT_LOCK)
                return 0

    cdef int give_back(self, LoopMailbox borrower) except -1:
        if self._borrower is borrower:
            self._borrower = None
            self._ring()
        return 0

    # ---- sleeping ---------------------------------------------------------------------------------

    cdef void _ring(self):
        PyThread_release_lock(self._bell)

    cdef int _sleep(self) except -1:
        self._idle = True
        with nogil:
            PyThread_acquire_lock(self._bell, WAIT_LOCK)
        self._weary = False
        return 0
