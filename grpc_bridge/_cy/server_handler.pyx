# cython: language_level=3, boundscheck=False, wraparound=False
"""A call on the server, bound to what runs its handler: a task on a loop, or a thread of the pool.

Which of the two is decided by what the handler is, and corrected by what calling it returns: a plain
function that returns an awaitable or an async iterator goes on on the loop.
"""

import asyncio
import inspect
import logging
import sys

from asyncio import _get_running_loop, get_running_loop
from collections.abc import Generator

import grpc
import grpc.aio

from grpc_bridge._border import call_in
from grpc_bridge._errors import EOF, AbortError, status_number
from grpc_bridge._stream import async_iterator, cannot_block

from grpc_bridge._cy.handoff cimport Completion, LoopMailbox, inline_mailbox
from grpc_bridge._cy.server_call cimport ServerCall, nobody

_LOGGER = logging.getLogger("grpc_bridge")

cdef int _OK = 0
cdef int _CANCELLED = 1
cdef int _UNKNOWN = 2
cdef int _UNIMPLEMENTED = 12
cdef int _UNAVAILABLE = 14

cdef object _CancelledError = asyncio.CancelledError
cdef object _isawaitable = inspect.isawaitable
cdef object _iscoroutine = inspect.iscoroutine
# What the members of a context raise when there is nobody to talk to any more.
cdef tuple _ENDED = (grpc.RpcError, grpc.aio.UsageError)
cdef object _Task = asyncio.Task
# Before 3.11 a task copies the context that it is made in.
cdef bint _TAKES_CONTEXT = sys.version_info >= (3, 11)
# From 3.12 on a task runs to its first wait before it is given to the loop.
cdef bint _EAGER = sys.version_info >= (3, 12)


cdef class HandledCall(ServerCall):
    """One RPC and the run of its handler."""

    # ---- starting ---------------------------------------------------------------------------------

    cdef int begin(self, bint is_open) except -1:
        if self.plan.is_async:
            self.mailbox = self.shared.loop_mailbox()
            self.shared.on_loop.add(self)
        else:
            self.mailbox = inline_mailbox
        if is_open:
            self.stream.sink = self
            self.stream.mailbox = self.mailbox
        else:
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
            future = self.plan.pool.submit(self.variables.run, self._run_in_pool)
        except Exception as error:
            # The pool has been shut down, and so is the server, or it is about to be; or the pool is broken.
            self._turned_away(error)
        else:
            if future is not None:
                future.add_done_callback(self._left_pool)
        return 0

    def _left_pool(self, future):
        # Most often the handler has run. A pool may also cancel what waits in it, or break.
        if not self._ran:
            self._turned_away(None if future.cancelled() else future.exception())

    cdef int on_lost(self) except -1:
        # Its task is left to the collector: what a user's handler does when it is dropped has no place here.
        task = self._task
        self.lose(_UNAVAILABLE, b"the server's event loop has been closed")
        self.over()
        if task is not None and not self._entered:
            # Its first step never comes, and nobody has forgotten to await it.
            task.get_coro().close()
        self._task = task
        return 0

    cdef int _turned_away(self, object error) except -1:
        if not self.closed:
            _LOGGER.error("%s: the server's thread pool did not take the RPC: %s", self.method, error)
            self.finish(None, _UNAVAILABLE, "the server's thread pool takes no more work")
        return self.over()

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
            return self.start_task(self._drive_stream(argument, None))
        return self.start_task(self._drive_unary(argument, None))

    cdef int start_task(self, object coroutine) except -1:
        loop = self.shared._loop_mailbox.loop
        if loop.get_task_factory() is not None:
            # A task copies the variables of the moment: those of this call.
            self._task = self.variables.run(loop.create_task, coroutine)
        elif _EAGER:
            self._task = _Task(coroutine, loop=loop, name=self.method, context=self.variables, eager_start=True)
        else:
            if _TAKES_CONTEXT:
                self._task = _Task(coroutine, loop=loop, name=self.method, context=self.variables)
            else:
                self._task = self.variables.run(_Task, coroutine, loop=loop, name=self.method)
            self.shared._loop_mailbox.hasten()
        if self._task.done():
            self._task = None
        return 0

    # ---- on the loop ------------------------------------------------------------------------------

    async def _drive_unary(self, argument, response):
        self._entered = True
        try:
            if argument is not None:
                response = self.plan.behavior(argument, self.context)
            if _isawaitable(response):
                response = await response
            self._respond(response)
        except _CancelledError:
            self._task_cancelled()
        except Exception as error:
            self.fail(error, "Exception calling application: ")
        except BaseException as error:
            self._broken_off(error)
            raise
        finally:
            self.over()

    async def _drive_stream(self, argument, responses):
        # A stream is here most of its time, and what a coroutine needs is there for as long: hence only one, with
        # few variables.
        iterator = None
        self._entered = True
        try:
            if argument is not None:
                responses = self.plan.behavior(argument, self.context)
                argument = None
            iterator = async_iterator(responses)
            if iterator is None and _isawaitable(responses):
                responses = await responses
                iterator = async_iterator(responses)
            if iterator is None:
                await self._send_all_of(responses)
                return
            while True:
                responses = self.begin_write(await iterator.__anext__())
                if type(responses) is not bool:
                    responses = await responses
                if not responses:
                    return
        except _CancelledError:
            self._task_cancelled()
        except Exception as error:
            if iterator is None:
                self.fail(error, "Exception calling application: ")
            elif isinstance(error, StopAsyncIteration):
                self.end(None)
            else:
                self.fail(error, "Exception iterating responses: ")
        except BaseException as error:
            if isinstance(error, GeneratorExit):
                iterator = None  # the task is thrown away: nothing can be awaited any more
            self._broken_off(error)
            raise
        finally:
            await self._leave(iterator)

    async def _leave(self, iterator):
        """Close the handler's iterator, if it can be closed; the handler is then over."""
        try:
            aclose = getattr(iterator, "aclose", None)
            if aclose is not None:
                await aclose()
        except _CancelledError:
            self._task_cancelled()
        except Exception as error:
            self.fail(error, "Exception calling application: ")
        except BaseException as error:
            self._broken_off(error)
            raise
        finally:
            self.over()

    async def _send_all_of(self, responses):
        """Of a handler that is neither an async iterator nor returned one."""
        if responses is None:
            # It has written its responses by hand.
            self.end(None)
        elif cannot_block(responses):
            for response in responses:
                if not await self.write(response):
                    return
            self.end(None)
        else:
            # A sync iterator may block, so the pool runs it.
            await get_running_loop().run_in_executor(
                self.plan.pool, self.variables.copy().run, self._iterate_in_pool, responses
            )

    def _broken_off(self, error):
        # SystemExit and the like: not for us to handle, but the client must not wait for ever.
        if isinstance(error, GeneratorExit) and self.shared.loop_mailbox().loop.is_closed():
            self.on_lost()
            return
        self.finish(None, _UNKNOWN, f"the handler was ended by {type(error).__name__}")

    def _task_cancelled(self):
        # By the client, or by the server's shutdown: then the call is closed, and this says nothing.
        # By the handler's own hand: the client must learn of it.
        self.finish(None, _CANCELLED, "the handler was cancelled")

    # ---- in a thread of the pool ------------------------------------------------------------------

    def _run_in_pool(self):
        handed_over = False
        self._ran = True
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
            else:
                self._respond(result)
        except Exception as error:
            self.fail(error, "Exception calling application: ")
        except BaseException as error:
            self._broken_off(error)
            raise
        finally:
            if not handed_over:
                self.over()

    def _iterate_in_pool(self, responses):
        try:
            if responses is None and self.wrote:
                # By hand.
                self.end(None)
                return
            for response in responses:
                if not self.write_blocking(response):
                    return
            self.end(None)
        except Exception as error:
            self.fail(error, "Exception iterating responses: ")
        except BaseException as error:
            self._broken_off(error)
            raise
        finally:
            if isinstance(responses, Generator):
                responses.close()

    def _go_on_on_loop(self, result):
        cdef LoopMailbox mailbox = self.shared.loop_mailbox()
        self.mailbox = mailbox
        self.shared.on_loop.add(self)
        self.stream.mailbox = mailbox
        # The pool's thread is still inside these: a context cannot be entered twice.
        self.variables = self.variables.copy()
        if self.plan.response_streaming:
            coroutine = self._drive_stream(None, result)
        else:
            coroutine = self._drive_unary(None, result)
        mailbox.push(_StartTask(self, coroutine, result))

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
            return self.abandon(_UNKNOWN, b"")
        if isinstance(error, EOF) and self.read_ended and self.plan.response_streaming:
            # It has received all that there was, and says so.
            return self.end(None)
        if isinstance(error, AbortError) or (self.closed and isinstance(error, _ENDED)):
            return self.finish(None, _UNKNOWN, b"")
        try:
            details = f"{what}{error}".encode("utf-8", "backslashreplace")
        except Exception:
            details = b"Calling application raised unprintable Exception!"
        _LOGGER.error(details.decode(), exc_info=error)
        return self.abandon(_UNKNOWN, details)

    cdef int over(self) except -1:
        """The handler has returned."""
        # The task and the context hold this object, too.
        self._task = self.context = None
        if self._counted:
            self._counted = False
            self.shared.active -= 1
        self._over = True
        self.shared.on_loop.discard(self)
        return self._release()

    cdef int _closed(self) except -1:
        task = self._task
        if self.cancelled and task is not None and not task.done():
            loop = task.get_loop()
            if _get_running_loop() is loop:
                task.cancel()
            else:
                # What was begun in the pool is told of its end on the transport's thread.
                call_in(loop, task.cancel)
        ServerCall._closed(self)
        if self.cancelled and task is not None and not self._entered:
            # Cancelled before its first step, a coroutine runs none of its code.
            return self.over()
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

    cdef int abandon(self) except -1:
        return self.call.on_lost()


cdef class _StartTask(Completion):
    """Goes on, on the loop, with what a plain function returned."""

    cdef HandledCall call
    cdef object coroutine
    cdef object result  # what it will go on with

    def __cinit__(self, HandledCall call, object coroutine, object result):
        self.call = call
        self.coroutine = coroutine
        self.result = result

    cdef int deliver(self) except -1:
        if self.call.cancelled:
            # Meanwhile: there was no task yet that could have been told.
            self._discard()
            return self.call.over()
        return self.call.start_task(self.coroutine)

    cdef int abandon(self) except -1:
        self._discard()
        return self.call.on_lost()

    cdef int _discard(self) except -1:
        # Nobody has forgotten to await them.
        self.coroutine.close()
        if _iscoroutine(self.result):
            self.result.close()
        return 0
