# cython: language_level=3, boundscheck=False, wraparound=False
"""A call on the server, bound to what runs its handler: a task on a loop, or a thread of the pool.

Which of the two is decided by what the handler is, and corrected by what calling it returns: a plain
function that returns an awaitable or an async iterator goes on on the loop.
"""

import asyncio
import inspect
import logging
import sys

from grpc_bridge._errors import AbortError, status_number
from grpc_bridge._stream import async_iterator

from grpc_bridge._cy.handoff cimport Completion, LoopMailbox, inline_mailbox
from grpc_bridge._cy.server_call cimport ServerCall, nobody

_LOGGER = logging.getLogger("grpc_bridge")

cdef int _OK = 0
cdef int _CANCELLED = 1
cdef int _UNKNOWN = 2
cdef int _UNIMPLEMENTED = 12

cdef object _CancelledError = asyncio.CancelledError
cdef object _isawaitable = inspect.isawaitable
cdef object _Task = asyncio.Task
# From 3.12 on a task runs to its first wait before it is given to the loop.
cdef bint _EAGER = sys.version_info >= (3, 12)


cdef class HandledCall(ServerCall):
    """One RPC and the run of its handler."""

    # ---- starting ---------------------------------------------------------------------------------

    cdef int begin(self) except -1:
        self.mailbox = self.shared.loop_mailbox() if self.plan.is_async else inline_mailbox
        self.stream.open(self, self.mailbox)
        if self.plan.request_streaming:
            if self.plan.is_async:
                return self.mailbox.push(_Start(self))
            return self.run()
        return self.want_message()

    cdef int run(self) except -1:
        """Call the handler; on the loop, or from there in the pool."""
        if self.plan.is_async:
            argument = self._argument()
            if argument is None:
                return self.over()
            return self.run_with(argument)
        try:
            self.plan.pool.submit(self.variables.run, self._run_in_pool)
        except RuntimeError:
            # The pool has been shut down: so is the server, or it is about to be.
            self.finish(None, _UNKNOWN, "the server's thread pool takes no more work")
            self.over()
        return 0

    cdef int _message_came(self) except -1:
        if self.plan.request_streaming:
            return ServerCall._message_came(self)
        if self.inbox is not None:
            return self.run()
        if not self.closed:
            self.finish(None, _UNIMPLEMENTED, f'"{self.method}" requires exactly one request message.')
        return self.over()

    def _argument(self):
        if self.plan.request_streaming:
            self.want_message()
            return self.shared.make_requests(self)
        message, self.inbox = self.inbox, None
        self.read_ended = True
        return self.deserialized(message)

    cdef int run_with(self, object argument) except -1:
        self.context = self.shared.make_context(self)
        if self.plan.response_streaming:
            return self.start_task(self._drive_stream(argument))
        return self.start_task(self._drive_unary(argument))

    cdef int start_task(self, object coroutine) except -1:
        loop = self.shared._loop_mailbox.loop
        if _EAGER:
            self._task = _Task(coroutine, loop=loop, context=self.variables, eager_start=True)
        else:
            # A task copies the variables of the moment: those of this call.
            self._task = self.variables.run(loop.create_task, coroutine)
        if self._task.done():
            self._task = None
        return 0

    # ---- on the loop ------------------------------------------------------------------------------

    async def _drive_unary(self, argument):
        try:
            response = self.plan.behavior(argument, self.context)
            if _isawaitable(response):
                response = await response
            self._respond(response)
        except _CancelledError:
            self._task_cancelled()
        except Exception as error:
            self.fail(error, "Exception calling application: ")
        finally:
            self.over()

    async def _await_unary(self, awaitable):
        try:
            self._respond(await awaitable)
        except _CancelledError:
            self._task_cancelled()
        except Exception as error:
            self.fail(error, "Exception calling application: ")
        finally:
            self.over()

    async def _drive_stream(self, argument):
        try:
            responses = self.plan.behavior(argument, self.context)
            await self._send_all(responses)
        except _CancelledError:
            self._task_cancelled()
        except Exception as error:
            self.fail(error, "Exception calling application: ")
        finally:
            self.over()

    async def _send_responses(self, responses):
        try:
            await self._send_all(responses)
        except _CancelledError:
            self._task_cancelled()
        except Exception as error:
            self.fail(error, "Exception calling application: ")
        finally:
            self.over()

    async def _send_all(self, responses):
        iterator = async_iterator(responses)
        if iterator is None and _isawaitable(responses):
            responses = await responses
            iterator = async_iterator(responses)
        if iterator is None:
            if responses is not None:
                # A handler on the loop that returned a sync iterator: it may block, so the pool runs it.
                await self.shared.loop_mailbox().loop.run_in_executor(
                    self.plan.pool, self.variables.copy().run, self._iterate_in_pool, responses
                )
            self.end(None)
            return
        try:
            while True:
                try:
                    response = await iterator.__anext__()
                except StopAsyncIteration:
                    break
                except _CancelledError:
                    raise
                except Exception as error:
                    self.fail(error, "Exception iterating responses: ")
                    return
                if not await self.write(response):
                    return
            self.end(None)
        finally:
            aclose = getattr(iterator, "aclose", None)
            if aclose is not None:
                await aclose()

    def _task_cancelled(self):
        # By the client, or by the server's shutdown: then the call is closed, and this says nothing.
        # By the handler's own hand: the client must learn of it.
        self.finish(None, _CANCELLED, "the handler was cancelled")

    # ---- in a thread of the pool ------------------------------------------------------------------

    def _run_in_pool(self):
        handed_over = False
        try:
            argument = self._argument()
            if argument is None or self.closed:
                return
            self.context = self.shared.make_context(self)
            result = self.plan.behavior(argument, self.context)
            if _isawaitable(result) or (self.plan.response_streaming and async_iterator(result) is not None):
                handed_over = True
                self._go_on_on_loop(result)
            elif self.plan.response_streaming:
                self._iterate_in_pool(result)
                self.end(None)
            else:
                self._respond(result)
        except Exception as error:
            self.fail(error, "Exception calling application: ")
        finally:
            if not handed_over:
                self.over()

    def _iterate_in_pool(self, responses):
        try:
            try:
                iterator = iter(responses)
                for response in iterator:
                    if not self.write_blocking(response):
                        return
            except Exception as error:
                self.fail(error, "Exception iterating responses: ")
        finally:
            close = getattr(responses, "close", None)
            if close is not None:
                close()

    def _go_on_on_loop(self, result):
        cdef LoopMailbox mailbox = self.shared.loop_mailbox()
        self.mailbox = mailbox
        self.stream.mailbox = mailbox
        # The pool's thread is still inside these: a context cannot be entered twice.
        self.variables = self.variables.copy()
        if self.plan.response_streaming:
            coroutine = self._send_responses(result)
        else:
            coroutine = self._await_unary(result)
        mailbox.push(_StartTask(self, coroutine))

    # ---- ending -----------------------------------------------------------------------------------

    def _respond(self, response):
        cdef bytes message = self.serialized(response)
        if message is not None:
            self.end(message)

    cdef int end(self, object message) except -1:
        return self.finish(
            message,
            _OK if self.code is None else status_number(self.code),
            b"" if self.details is None else self.details,
        )

    cdef int fail(self, object error, str what) except -1:
        """End the call because its handler raised, with grpcio's words."""
        if self.aborted:
            details = b"" if self.details is None else self.details
            return self.finish(None, _UNKNOWN if self.code is None else status_number(self.code), details)
        if isinstance(error, AbortError) or self.closed:
            return self.finish(None, _UNKNOWN, b"")
        try:
            details = f"{what}{error}"
        except Exception:
            details = "Calling application raised unprintable Exception!"
        _LOGGER.error(details, exc_info=error)
        return self.finish(
            None,
            _UNKNOWN if self.code is None else status_number(self.code),
            details if self.details is None else self.details,
        )

    cdef int over(self) except -1:
        """The handler has returned."""
        # The task and the context hold this object, too.
        self._task = self.context = None
        if self._counted:
            self._counted = False
            self.shared.active -= 1
        self._over = True
        return self._release()

    cdef int _closed(self) except -1:
        if self.cancelled and self._task is not None and not self._task.done():
            self._task.cancel()
        ServerCall._closed(self)
        return self._release()

    cdef int _release(self) except -1:
        """The client and the handler have both gone: the stream need not hold the call any more."""
        if self._over and self.closed:
            self.stream.sink = nobody
        return 0


cdef class _Start(Completion):
    """Runs an async handler that does not wait for a message first."""

    cdef HandledCall call

    def __cinit__(self, HandledCall call):
        self.call = call

    cdef int deliver(self) except -1:
        return self.call.run()


cdef class _StartTask(Completion):
    """Goes on, on the loop, with what a plain function returned."""

    cdef HandledCall call
    cdef object coroutine

    def __cinit__(self, HandledCall call, object coroutine):
        self.call = call
        self.coroutine = coroutine

    cdef int deliver(self) except -1:
        return self.call.start_task(self.coroutine)
