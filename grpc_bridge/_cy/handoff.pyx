# cython: language_level=3, boundscheck=False, wraparound=False
"""Handing completions to event loops: one ready list and one wake-up per loop and batch.

A transport's poller thread pushes completions into the mailbox of the loop that waits for them.
The first push of a batch wakes the loop; the rest ride along. Under load a poller *lends its turn*
instead: the loop then takes completions from the queue itself, on its own thread, so the two do not
trade the GIL once per event.

All state here is guarded by the GIL: no Python code runs between a test and the change that
depends on it.
"""

import contextvars
import logging
import threading

from grpc_bridge import _fork

_LOGGER = logging.getLogger("grpc_bridge")


cdef class Completion:
    """Something that finished in a transport."""

    cdef Mailbox destination(self):
        """Where to deliver it; asked when it has finished."""
        return self.mailbox

    cdef int deliver(self) except -1:
        raise SystemError("a completion without deliver()")

    cdef int abandon(self) except -1:
        return 0


cdef class Mailbox:
    """Where completions go."""

    cdef int push(self, Completion completion) except -1:
        raise SystemError("a mailbox without push()")

    cdef bint is_behind(self):
        """Whether what was pushed before still waits to be delivered."""
        return False

    cdef int lend(self, Source source) except -1:
        """Offer the source's turn; 1 if taken."""
        return 0


cdef class Source:
    """A queue of completions whose turn can be lent to a loop."""

    cdef int pull(self, LoopMailbox borrower) except -1:
        """Push what is there into the mailboxes; the number of completions, or 0 to give the turn back.

        A borrower that was slow may have lost the turn, even to another: it gets 0.
        """
        return 0

    cdef int give_back(self, LoopMailbox borrower) except -1:
        """End the loan, if it is still this borrower's."""
        return 0


cdef inline void _forget(Completion completion, object event):
    # The transport's event holds the completion, too. One that is used again may hold the next by now.
    if completion.event is event:
        completion.event = None


cdef class InlineMailbox(Mailbox):
    """Delivers at once, on the thread that found the completion."""

    cdef int push(self, Completion completion) except -1:
        event = completion.event
        try:
            completion.deliver()
        except Exception as error:
            # The thread that polls serves others, too.
            _LOGGER.error("grpc_bridge: a completion could not be delivered", exc_info=error)
        finally:
            _forget(completion, event)
        return 0


cdef class LoopMailbox(Mailbox):
    """Delivers on an event loop's thread."""

    def __init__(self, loop):
        self.loop = loop
        self._ready = []
        self._scheduled = False
        self._sources = []
        self._drain_callback = self._drain
        # What is delivered must not see the context variables of whoever happened to wake the loop.
        self._context = contextvars.Context()

    cdef int push(self, Completion completion) except -1:
        self._ready.append(completion)
        if not self._scheduled:
            self._scheduled = True
            self.wake()
        return 0

    cdef bint is_behind(self):
        return self._scheduled

    cdef int lend(self, Source source) except -1:
        if self.loop.is_closed():
            # It may have been closed before it came to what it had been woken for.
            self._abandon()
            return 0
        source.fresh = True
        self._sources.append(source)
        if not self._scheduled:
            self._scheduled = True
            self.wake()
        return 1

    cdef int wake(self) except -1:
        try:
            self.loop.call_soon_threadsafe(self._drain_callback, context=self._context)
        except RuntimeError:
            if not self.loop.is_closed():
                raise
            self._abandon()
        return 0

    cdef int defer(self, object callback) except -1:
        """Run a callback on the loop's thread, unless the loop has been closed."""
        try:
            self.loop.call_soon_threadsafe(callback)
        except RuntimeError:
            if not self.loop.is_closed():
                raise
        return 0

    cdef int _abandon(self) except -1:
        # The loop was closed with completions on their way: nobody is left to wait for them.
        cdef Source source
        cdef Completion completion
        ready, self._ready = self._ready, []
        sources, self._sources = self._sources, []
        self._scheduled = False
        for source in sources:
            source.give_back(self)
        for completion in ready:
            completion.abandon()
        return 0

    def _drain(self):
        cdef Source source
        cdef list sources = self._sources
        # `_scheduled` stays true for as long as this runs, so that nobody wakes a loop that is awake.
        if sources:
            self._sources = []
            for source in sources:
                if source.fresh:
                    # What follows from the event that came with it is only about to be asked for.
                    source.fresh = False
                    self._sources.append(source)
                elif source.pull(self):
                    self._sources.append(source)
                else:
                    source.give_back(self)
        self._deliver_all()
        if self._sources or self._ready:
            self.loop.call_soon(self._drain_callback, context=self._context)
        else:
            self._scheduled = False

    cdef int _deliver_all(self) except -1:
        cdef Completion completion
        cdef list ready = self._ready
        self._ready = []
        for completion in ready:
            event = completion.event
            try:
                completion.deliver()
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self.loop.call_exception_handler(
                    {"message": "grpc_bridge: a completion could not be delivered", "exception": error}
                )
            _forget(completion, event)
        return 0


cdef InlineMailbox inline_mailbox = InlineMailbox()

_mailboxes = {}
_mailboxes_lock = threading.Lock()
# The last mailbox asked for, per thread: nearly always the one that is asked for next.
cdef object _recent = threading.local()


def _forget_all():
    # After a fork: the parent's loops are not the child's.
    global _recent, _mailboxes_lock
    _recent = threading.local()
    _mailboxes_lock = threading.Lock()
    _fork.leave_behind(dict(_mailboxes))
    _mailboxes.clear()


_fork.register(after_in_child=_forget_all)


cpdef LoopMailbox mailbox_of(object loop):
    """The mailbox of a loop, made on first use."""
    cdef LoopMailbox mailbox = getattr(_recent, "mailbox", None)
    if mailbox is not None and mailbox.loop is loop:
        return mailbox
    with _mailboxes_lock:
        mailbox = _mailboxes.get(loop)
        if mailbox is None:
            # A mailbox keeps its loop alive; a program that makes loops drops the closed ones here.
            for closed in [known for known in _mailboxes if known.is_closed()]:
                del _mailboxes[closed]
            mailbox = _mailboxes[loop] = LoopMailbox(loop)
    _recent.mailbox = mailbox
    return mailbox
