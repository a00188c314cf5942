# cython: language_level=3, boundscheck=False, wraparound=False
"""Handing completions to event loops: one ready list and one wake-up per loop and batch.

A transport's poller thread pushes completions into the mailbox of the loop that waits for them.
The first push of a batch wakes the loop; the rest ride along. Under load a poller *lends its turn*
instead: the loop then takes completions from the queue itself, on its own thread, so the two do not
trade the GIL once per event.

What a coroutine of ours waits for is a `Waiter`: the mailbox goes on with the task that waits in the same
turn of the loop in which the completion came, where a future would ask the loop for another turn.

All state here, and in the modules that build on it, is guarded by the GIL: no Python code runs between a
test and the change that depends on it. Nor is anything allocated there that the collector knows of, such as
a tuple or a list: before Python 3.12 that may run the collector, which may run anybody's code.

What has a C method called must be held by the caller: an attribute that another thread may set does not do.
"""

import asyncio
import contextvars
import logging
import os
import threading

from posix.unistd cimport close, read, write

from grpc_bridge import _fork

_LOGGER = logging.getLogger("grpc_bridge")

# How often a loop looks again in one turn.
cdef int _MOST_ROUNDS = 4

# How often a loop that stands still is lent the same turn again, each time for twice as long.
cdef int _MOST_RELOANS = 4

# Of a bell: not asked for yet; not to be had here.
cdef int _NOT_HUNG = -2
cdef int _NO_BELL = -1

# Linux has it.
cdef object _eventfd = getattr(os, "eventfd", None)


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

    cdef bint is_lost(self) except -1:
        """Whether its loop has been closed; what waited in it has then been abandoned."""
        return False

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
        self._resumable = []

    def __cinit__(self):
        self._bell = _NOT_HUNG

    def __dealloc__(self):
        if self._bell >= 0:
            close(self._bell)

    cdef int push(self, Completion completion) except -1:
        self._ready.append(completion)
        if not self._scheduled:
            self._scheduled = True
            self.wake()
        return 0

    cdef bint is_lost(self) except -1:
        if not self.loop.is_closed():
            return False
        self._abandon()
        return True

    cdef bint is_behind(self):
        return self._scheduled

    cdef int lend(self, Source source) except -1:
        if source in self._sources:
            # It lost the turn by standing still, and has not stirred since: busy, most often, but it may block.
            source.relent += 1
            return not source.shared and source.relent < _MOST_RELOANS
        source.relent = 0
        source.fresh = True
        self._sources.append(source)
        if not self._scheduled:
            self._scheduled = True
            self.wake()
        return 1

    cdef int wake(self) except -1:
        cdef unsigned long long one = 1
        if self._bell >= 0:
            if self.loop.is_closed():
                return self._abandon()
            # The GIL is kept: this does not block, and giving it away here costs more than the call.
            write(self._bell, &one, sizeof(one))
            return 0
        try:
            self.loop.call_soon_threadsafe(self._drain_callback, context=self._context)
        except RuntimeError:
            if not self.loop.is_closed():
                raise
            self._abandon()
        return 0

    cdef int _hang_bell(self) except -1:
        """Let the loop watch a descriptor of our own, on its own thread.

        A wake-up through asyncio's makes a handle, gives the GIL away to write a byte, and is read with
        two calls of the system and an exception.
        """
        self._bell = _NO_BELL
        if not isinstance(self.loop, asyncio.SelectorEventLoop):
            return 0
        self._loop_ready = getattr(self.loop, "_ready", None)
        if _eventfd is not None:
            bell = _eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            try:
                self.loop.add_reader(bell, self._rung)
            except BaseException:
                os.close(bell)
                raise
            self._bell = bell
        return 0

    cdef int hasten(self) except -1:
        """Begin the task that was given to the loop just now in this turn, too, as one that is started eagerly."""
        if self._resumes and self._loop_ready:
            # Should another thread have called something in between, that is called a little early.
            self._resumable.append(self._loop_ready.pop())
        return 0

    def _rung(self):
        cdef unsigned long long count
        read(self._bell, &count, sizeof(count))
        self._drain()

    cdef bint defer(self, object callback) except -1:
        """Run a callback on the loop's thread; False, and no call, if the loop has been closed."""
        try:
            self.loop.call_soon_threadsafe(callback)
        except RuntimeError:
            if not self.loop.is_closed():
                raise
            return False
        return True

    cdef int _abandon(self) except -1:
        # The loop was closed with completions on their way: nobody is left to wait for them.
        cdef Source source
        cdef Completion completion
        # First: what comes in between is abandoned by whoever then finds the loop closed.
        self._scheduled = False
        ready, self._ready = self._ready, []
        sources, self._sources = self._sources, []
        for source in sources:
            source.give_back(self)
        for completion in ready:
            completion.abandon()
        return 0

    def _drain(self):
        if self._bell == _NOT_HUNG:
            self._hang_bell()
        # `_scheduled` stays true for as long as this runs, so that nobody wakes a loop that is awake.
        try:
            if self._sources:
                self._pull_all()
            for _ in range(_MOST_ROUNDS):
                self._deliver_all()
                # What was done now may have had its outcome at once.
                if not self._ready:
                    break
        finally:
            # Also where a task has ended the loop: it may be run again.
            if self._sources or self._ready:
                self.loop.call_soon(self._drain_callback, context=self._context)
            else:
                self._scheduled = False

    cdef int _pull_all(self) except -1:
        cdef Source source
        cdef Py_ssize_t pulled = 0
        cdef list sources = self._sources
        self._sources = []
        try:
            for source in sources:
                if source.fresh:
                    # What follows from the event that came with it is only about to be asked for.
                    source.fresh = False
                    self._sources.append(source)
                elif source.pull(self):
                    source.relent = 0
                    self._sources.append(source)
                else:
                    source.give_back(self)
                pulled += 1
        finally:
            if pulled < len(sources):
                # Ctrl-C, and the loop may be run again.
                self._sources += sources[pulled:]
        return 0

    cdef int _deliver_all(self) except -1:
        # In debug mode the loop watches how long each task takes, and has to start them itself.
        self._resumes = not self.loop.get_debug()
        try:
            self._deliver_ready()
        finally:
            self._resumes = False
            if self._resumable:
                self._resume_all()
        return 0

    cdef int _deliver_ready(self) except -1:
        cdef Completion completion
        cdef Py_ssize_t delivered = 0
        cdef list ready = self._ready
        self._ready = []
        for completion in ready:
            delivered += 1
            event = completion.event
            try:
                completion.deliver()
            except (SystemExit, KeyboardInterrupt):
                self._ready[:0] = ready[delivered:]
                raise
            except BaseException as error:
                self.loop.call_exception_handler(
                    {"message": "grpc_bridge: a completion could not be delivered", "exception": error}
                )
            _forget(completion, event)
        return 0

    cdef int _resume_all(self) except -1:
        cdef Waiter waiter
        cdef Py_ssize_t resumed = 0
        cdef list resumable = self._resumable
        self._resumable = []
        try:
            for each in resumable:
                resumed += 1
                if type(each) is Waiter:
                    waiter = each
                    callback, waiter._callback = waiter._callback, None
                    if callback is not None:
                        waiter._context.run(callback, waiter)
                elif not each.cancelled():
                    each._run()
        finally:
            # Of a task only SystemExit and KeyboardInterrupt get here; the others go on all the same.
            for each in resumable[resumed:]:
                if type(each) is Waiter:
                    (<Waiter>each)._tell()
                else:
                    self._loop_ready.append(each)
        return 0


cdef int _PENDING = 0
cdef int _DONE = 1
cdef int _WAS_CANCELLED = 2


cdef class Waiter:
    """What `asyncio.Future` is to a task that awaits it, for use on the thread of its loop.

    Tasks take it for a future by the attributes that asyncio asks for (`asyncio.isfuture`). It tells its task
    through the mailbox, in the turn of the loop in which it was settled, or else as a future does.
    """

    def __init__(self, LoopMailbox mailbox):
        self._mailbox = mailbox

    # Its own iterator: an await asks it once before it is settled, and once after.

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self._state == _PENDING:
            if self._asyncio_future_blocking:
                raise RuntimeError("await wasn't used with future")
            self._asyncio_future_blocking = True
            return self
        raise StopIteration(self.result())

    def get_loop(self):
        return self._mailbox.loop

    def done(self):
        return self._state != _PENDING

    def cancelled(self):
        return self._state == _WAS_CANCELLED

    def result(self):
        if self._state == _DONE:
            return self._result
        if self._state == _WAS_CANCELLED:
            raise asyncio.CancelledError() if self._result is None else asyncio.CancelledError(self._result)
        raise asyncio.InvalidStateError("Result is not ready.")

    def exception(self):
        self.result()

    def set_result(self, result):
        if self._state != _PENDING:
            raise asyncio.InvalidStateError("invalid state")
        self._state = _DONE
        self._result = result
        if self._mailbox._resumes and self._others is None:
            self._mailbox._resumable.append(self)
        else:
            self._tell()

    def cancel(self, msg=None):
        if self._state != _PENDING:
            return False
        self._state = _WAS_CANCELLED
        self._result = msg
        self._tell()
        return True

    def add_done_callback(self, callback, *, context=None):
        if context is None:
            context = contextvars.copy_context()
        if self._state != _PENDING:
            self._mailbox.loop.call_soon(callback, self, context=context)
        elif self._callback is None:
            self._callback, self._context = callback, context
        else:
            if self._others is None:
                self._others = []
            self._others.append((callback, context))

    def remove_done_callback(self, callback):
        known = [] if self._callback is None else [(self._callback, self._context)]
        if self._others is not None:
            known += self._others
        kept = [each for each in known if each[0] != callback]
        self._callback, self._context = kept[0] if kept else (None, None)
        self._others = kept[1:] or None
        return len(known) - len(kept)

    cdef int _tell(self) except -1:
        callback, self._callback = self._callback, None
        others, self._others = self._others, None
        if callback is not None:
            self._mailbox.loop.call_soon(callback, self, context=self._context)
        if others is not None:
            for callback, context in others:
                self._mailbox.loop.call_soon(callback, self, context=context)
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
