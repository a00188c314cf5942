# cython: language_level=3, boundscheck=False, wraparound=False
"""A call on the server, bound to what runs its handler: a task on a loop, or a thread of the pool.

Which of the two is decided by what the handler is, and corrected by what calling it returns: a plain
function that returns an awaitable or an async iterator goes on on the loop.
"""

import asyncio
import inspect
import logging
import sys
import threading

from grpc_bridge._errors import AbortError, status_number
from grpc_bridge._stream import async_iterator

from grpc_bridge._cy.handoff cimport Completion, LoopMailbox, Mailbox, inline_mailbox, mailbox_of
from grpc_bridge._cy.server_state cimport ServerCallState
from grpc_bridge._cy.transport cimport Acceptor, ServerSink, ServerStream

_LOGGER = logging.getLogger("grpc_bridge")

cdef int _OK = 0
cdef int _CANCELLED = 1
cdef int _UNKNOWN = 2
cdef int _RESOURCE_EXHAUSTED = 8
cdef int _UNIMPLEMENTED = 12
cdef int _INTERNAL = 13

cdef object _CancelledError = asyncio.CancelledError
cdef object _isawaitable = inspect.isawaitable
cdef object _Task = asyncio.Task
# From 3.12 on a task runs to its first wait before it is given to the loop.
cdef bint _EAGER = sys.version_info >= (3, 12)


cdef class HandlerPlan:
    """A method's handler, with what would otherwise be asked of it once per call."""

    def __init__(self, object behavior, object request_deserializer, object response_serializer,
                 bint request_streaming, bint response_streaming, bint is_async, object pool):
        self.behavior = behavior
        self.request_deserializer = request_deserializer
        self.response_serializer = response_serializer
        self.request_streaming = request_streaming
        self.response_streaming = response_streaming
        self.is_async = is_async
        self.pool = pool


cdef class ServerCall(ServerCallState):
    """One RPC: what the context and the request iterator of a handler stand on."""

    # ---- starting ---------------------------------------------------------------------------------

    cdef int begin(self) except -1:
        self.mailbox = self.core.loop_mailbox() if self.plan.is_async else inline_mailbox
        self.stream.open(self, self.mailbox)
        if self.plan.request_streaming:
            if self.plan.is_async:
                return self.mailbox.push(_Start(self))
            return self.run()
        return self.want_message()

    cdef int _message_came(self) except -1:
        cdef bytes message
        if self.plan.request_streaming:
            waiter, self._read_waiter = self._read_waiter, None
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
            gate, self._read_gate = self._read_gate, None
            if gate is not None:
                gate.release()
            return 0
        if self.inbox is not None:
            return self.run()
        if not self.closed:
            self.finish(None, _UNIMPLEMENTED, f'"{self.method}" requires exactly one request message.')
        return self.over()

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

    def _argument(self):
        if self.plan.request_streaming:
            self.want_message()
            return self.core.make_requests(self)
        message, self.inbox = self.inbox, None
        self.read_ended = True
        return self.deserialized(message)

    cdef int run_with(self, object argument) except -1:
        self.context = self.core.make_context(self)
        if self.plan.response_streaming:
            return self.start_task(self._drive_stream(argument))
        return self.start_task(self._drive_unary(argument))

    cdef int start_task(self, object coroutine) except -1:
        loop = self.core._loop_mailbox.loop
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
                await self.core.loop_mailbox().loop.run_in_executor(
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

    async def write(self, response):
        """Send a response; False when the call has ended."""
        cdef bytes message
        if not self.is_active():
            return False
        message = self.serialized(response)
        if message is None:
            return False
        while self._write_waiter is not None:
            await asyncio.wait([self._write_waiter])
            if not self.is_active():
                return False
        waiter = self._write_waiter = self.core.loop_mailbox().loop.create_future()
        self.send_message(message)
        await waiter
        return self.is_active()

    async def read(self):
        """The next request, or None when the client sends no more; cancelled with the call."""
        cdef bytes message
        while True:
            message = self.take_message()
            if message is not None:
                return self.deserialized(message)
            if self.cancelled:
                raise _CancelledError()
            if self.read_ended:
                return None
            self.want_message()
            if self._read_waiter is None:
                self._read_waiter = self.core.loop_mailbox().loop.create_future()
            await self._read_waiter

    # ---- in a thread of the pool ------------------------------------------------------------------

    def _run_in_pool(self):
        handed_over = False
        try:
            argument = self._argument()
            if argument is None or self.closed:
                return
            self.context = self.core.make_context(self)
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
        cdef LoopMailbox mailbox = self.core.loop_mailbox()
        self.mailbox = mailbox
        self.stream.mailbox = mailbox
        # The pool's thread is still inside these: a context cannot be entered twice.
        self.variables = self.variables.copy()
        if self.plan.response_streaming:
            coroutine = self._send_responses(result)
        else:
            coroutine = self._await_unary(result)
        mailbox.push(_StartTask(self, coroutine))

    def write_blocking(self, response):
        """Send a response from a thread of the pool; False when the call has ended."""
        cdef bytes message
        if not self.is_active():
            return False
        message = self.serialized(response)
        if message is None:
            return False
        gate = threading.Lock()
        gate.acquire()
        self._write_gate = gate
        self.send_message(message)
        gate.acquire()  # network op
        return self.is_active()

    def read_blocking(self):
        """The next request in a thread of the pool; None when the client sends no more."""
        cdef bytes message
        while True:
            message = self.take_message()
            if message is not None:
                return self.deserialized(message)
            if self.read_ended or self.closed:
                return None
            self.want_message()
            gate = threading.Lock()
            gate.acquire()
            self._read_gate = gate
            if self.inbox is None and not self.read_ended and not self.closed:
                gate.acquire()  # network op
            self._read_gate = None

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
            self.core.active -= 1
        self._over = True
        return self._release()

    cdef int _release(self) except -1:
        """The client and the handler have both gone: the stream need not hold the call any more."""
        if self._over and self.closed:
            self.stream.sink = _NOBODY
        return 0

    cdef int _message_went(self, bint ok) except -1:
        waiter, self._write_waiter = self._write_waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(ok)
        gate, self._write_gate = self._write_gate, None
        if gate is not None:
            gate.release()
        return 0

    cdef int _closed(self) except -1:
        if self.plan.request_streaming:
            waiter, self._read_waiter = self._read_waiter, None
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
            gate, self._read_gate = self._read_gate, None
            if gate is not None:
                gate.release()
        if self.cancelled and self._task is not None and not self._task.done():
            self._task.cancel()
        callbacks, self._callbacks = self._callbacks, None
        if callbacks is not None:
            for callback in callbacks:
                try:
                    callback()
                except Exception:
                    _LOGGER.exception("Exception calling callback!")
        return self._release()

    # ---- what the context asks --------------------------------------------------------------------

    def add_callback(self, callback):
        """Call it, without arguments, when the RPC is over; False, and no call, if it is."""
        if self.closed:
            return False
        if self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)
        return True

    @property
    def active(self):
        return self.is_active()

    def cancel(self):
        """End the RPC as if the client had cancelled it."""
        self.stream.cancel()

    def send_initial_metadata(self, tuple metadata):
        """Send the headers now."""
        self.send_headers(metadata)

    def peer(self):
        return self.stream.peer()

    def identity(self):
        return self.stream.identity()

    # ---- messages ---------------------------------------------------------------------------------

    cdef bytes serialized(self, object response):
        serializer = self.plan.response_serializer
        try:
            message = response if serializer is None else serializer(response)
            if type(message) is not bytes:
                message = bytes(memoryview(message))
        except Exception:
            _LOGGER.exception("Exception serializing message!")
            self.finish(None, _INTERNAL, b"Failed to serialize response!")
            return None
        return message

    cdef object deserialized(self, bytes message):
        deserializer = self.plan.request_deserializer
        if deserializer is None:
            return message
        try:
            return deserializer(message)
        except Exception:
            _LOGGER.exception("Exception deserializing message!")
            self.finish(None, _INTERNAL, b"Exception deserializing request!")
            return None


cdef class _Start(Completion):
    """Runs an async handler that does not wait for a message first."""

    cdef ServerCall call

    def __cinit__(self, ServerCall call):
        self.call = call

    cdef int deliver(self) except -1:
        return self.call.run()


cdef class _StartTask(Completion):
    """Goes on, on the loop, with what a plain function returned."""

    cdef ServerCall call
    cdef object coroutine

    def __cinit__(self, ServerCall call, object coroutine):
        self.call = call
        self.coroutine = coroutine

    cdef int deliver(self) except -1:
        return self.call.start_task(self.coroutine)


# The sink of a call that nobody handles, or nobody handles any more.
cdef ServerSink _NOBODY = ServerSink()


cdef class ServerCore(Acceptor):
    """Takes new calls, finds their handlers and counts them."""

    def __init__(self, *, resolve, make_context, make_requests, limit, base_variables, loop_mailbox, on_drained):
        self.resolve = resolve
        self.make_context = make_context
        self.make_requests = make_requests
        self.limit = limit
        self.base_variables = base_variables
        self._mailbox_getter = loop_mailbox
        self._on_drained = on_drained
        self.plans = {}

    def add_plan(self, str method, HandlerPlan plan):
        """Calls of this method need not be resolved one by one."""
        self.plans[method] = plan

    cdef LoopMailbox loop_mailbox(self):
        if self._loop_mailbox is None:
            self._loop_mailbox = self._mailbox_getter()
        return self._loop_mailbox

    cdef int on_call(self, ServerStream stream, str method, tuple metadata, double deadline) except -1:
        variables = self.base_variables.copy()
        plan = self.plans.get(method)
        if plan is None:
            try:
                plan = variables.run(self.resolve, method, metadata)
            except Exception as error:
                _LOGGER.error("Exception servicing handler: %s", error, exc_info=error)
                return self.reject(stream, _UNKNOWN, "Error in service handler!")
            if plan is None:
                return self.reject(stream, _UNIMPLEMENTED, "Method not found!")
            if _isawaitable(plan):
                return self.loop_mailbox().push(
                    _Resolve(self, stream, method, metadata, deadline, plan, variables)
                )
        return self.accept(stream, method, metadata, deadline, plan, variables)

    cdef int accept(self, ServerStream stream, str method, tuple metadata, double deadline,
                    HandlerPlan plan, object variables) except -1:
        cdef ServerCall call
        if self.limit is not None and self.active >= self.limit:
            return self.reject(stream, _RESOURCE_EXHAUSTED, "Concurrent RPC limit exceeded!")
        call = ServerCall()
        call.core = self
        call.stream = stream
        call.method = method
        call.invocation_metadata = metadata
        call.deadline = deadline
        call.plan = plan
        call.variables = variables
        call._counted = True
        self.active += 1
        return call.begin()

    cdef int reject(self, ServerStream stream, int code, str details) except -1:
        stream.open(_NOBODY, inline_mailbox)
        return stream.finish((), None, 0, code, details, None)

    cdef int on_drained(self) except -1:
        self._on_drained()
        return 0


cdef class _Resolve(Completion):
    """Finds a handler on the loop, where interceptors have to be awaited."""

    cdef ServerCore core
    cdef ServerStream stream
    cdef str method
    cdef tuple metadata
    cdef double deadline
    cdef object awaitable
    cdef object variables

    def __cinit__(self, ServerCore core, ServerStream stream, str method, tuple metadata, double deadline,
                  object awaitable, object variables):
        self.core = core
        self.stream = stream
        self.method = method
        self.metadata = metadata
        self.deadline = deadline
        self.awaitable = awaitable
        self.variables = variables

    cdef int deliver(self) except -1:
        self.variables.run(self.core.loop_mailbox().loop.create_task, self._run())
        return 0

    async def _run(self):
        try:
            plan = await self.awaitable
        except Exception as error:
            _LOGGER.error("Exception servicing handler: %s", error, exc_info=error)
            self.core.reject(self.stream, _UNKNOWN, "Error in service handler!")
            return
        if plan is None:
            self.core.reject(self.stream, _UNIMPLEMENTED, "Method not found!")
        else:
            self.core.accept(self.stream, self.method, self.metadata, self.deadline, plan, self.variables)


cdef class ServerPort:
    """A server's transport and core, as the facade holds them."""

    def __init__(self, transport, core):
        self.transport = transport
        self.core = core

    def start(self, loop):
        """Take calls from now on: on the loop's thread, or, without a loop, on the transport's."""
        self.transport.start(self.core, inline_mailbox if loop is None else mailbox_of(loop))

    def refuse_new(self):
        """Let the calls in flight end; then the core's `on_drained` is called."""
        self.transport.refuse_new()

    def cancel_all(self):
        """Cancel the calls in flight."""
        self.transport.cancel_all()
