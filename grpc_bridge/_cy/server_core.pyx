# cython: language_level=3, boundscheck=False, wraparound=False
"""The server's core: it takes new calls, finds their handlers, and counts them."""

import inspect
import logging

from contextvars import copy_context

from grpc_bridge._cy.handoff cimport Completion, inline_mailbox, mailbox_of
from grpc_bridge._cy.server_call cimport HandlerPlan, ServerShared, nobody
from grpc_bridge._cy.server_handler cimport HandledCall
from grpc_bridge._cy.transport cimport Acceptor, ServerSink, ServerStream

_LOGGER = logging.getLogger("grpc_bridge")

cdef int _CANCELLED = 1
cdef int _UNKNOWN = 2
cdef int _RESOURCE_EXHAUSTED = 8
cdef int _UNIMPLEMENTED = 12
cdef int _UNAVAILABLE = 14

cdef object _isawaitable = inspect.isawaitable


cdef class ServerCore(Acceptor):
    """Takes new calls, finds their handlers and counts them."""

    def __init__(self, *, resolve, make_context, make_requests, limit, base_variables, loop_mailbox, on_drained):
        self._resolve = resolve
        self._limit = limit
        self._base_variables = base_variables
        self._on_drained = on_drained
        self._shared = ServerShared(make_context, make_requests, loop_mailbox)
        self._plans = {}
        self._resolver = inline_mailbox

    def add_plan(self, str method, HandlerPlan plan):
        """Calls of this method need not be resolved one by one."""
        self._plans[method] = plan

    cdef int on_call(self, ServerStream stream, str method, tuple metadata, double deadline) except -1:
        plan = self._plans.get(method)
        if plan is not None:
            return self.accept(stream, method, metadata, deadline, plan, self._base_variables.copy(), False)
        # Handlers and interceptors of the user's have a say: on the loop, if the server was started on one.
        return self._resolver.push(_Resolve(self, stream, method, metadata, deadline))

    cdef int resolve(self, _Resolve call) except -1:
        cdef _ResolveLater later
        variables = self._base_variables.copy()
        try:
            plan = variables.run(self._resolve, call.method, call.metadata)
        except Exception as error:
            _LOGGER.error("Exception servicing handler: %s", error, exc_info=error)
            return self.reject(call.stream, _UNKNOWN, "Error in service handler!")
        if _isawaitable(plan):
            later = _ResolveLater(call, plan, variables)
            later.mailbox = self._shared.loop_mailbox()
            self._shared.on_loop.add(later)
            call.stream.open(later, later.mailbox)
            return later.mailbox.push(_StartResolving(later))
        if plan is None:
            return self.reject(call.stream, _UNIMPLEMENTED, "Method not found!")
        return self.accept(call.stream, call.method, call.metadata, call.deadline, plan, variables, False)

    cdef int accept(self, ServerStream stream, str method, tuple metadata, double deadline,
                    HandlerPlan plan, object variables, bint is_open) except -1:
        cdef HandledCall call
        if self._limit is not None and self._shared.active >= self._limit:
            if not is_open:
                stream.open(nobody, inline_mailbox)
            return self.refuse(stream, _RESOURCE_EXHAUSTED, "Concurrent RPC limit exceeded!")
        self._shared.active += 1
        call = HandledCall()
        call.shared = self._shared
        call.stream = stream
        if plan.method != method:
            plan.method = method
        call.method = plan.method  # one string for all calls
        call.invocation_metadata = metadata
        call.deadline = deadline
        call.plan = plan
        call.variables = variables
        call._counted = True
        return call.begin(is_open)

    cdef int reject(self, ServerStream stream, int code, str details) except -1:
        stream.open(nobody, inline_mailbox)
        return self.refuse(stream, code, details)

    cdef int refuse(self, ServerStream stream, int code, str details) except -1:
        return stream.finish((), None, 0, code, details, None)

    cdef int on_lost(self) except -1:
        cdef ServerSink sink
        for sink in list(self._shared.on_loop):
            sink.on_lost()
        return 0

    cdef int on_drained(self) except -1:
        self._on_drained()
        return 0


cdef class _Resolve(Completion):
    """A call whose handler is not known yet."""

    def __cinit__(self, ServerCore core, ServerStream stream, str method, tuple metadata, double deadline):
        self.core = core
        self.stream = stream
        self.method = method
        self.metadata = metadata
        self.deadline = deadline

    cdef int deliver(self) except -1:
        return self.core.resolve(self)

    cdef int abandon(self) except -1:
        return self.core.reject(self.stream, _UNAVAILABLE, "the server's event loop has been closed")


cdef class _ResolveLater(ServerSink):
    """Finds a call's handler on the loop, where interceptors have to be awaited; ends with the call."""

    cdef _Resolve call
    cdef object awaitable
    cdef object variables
    cdef object task

    def __cinit__(self, _Resolve call, object awaitable, object variables):
        self.call = call
        self.awaitable = awaitable
        self.variables = variables

    cdef int on_closed(self, bint cancelled) except -1:
        cdef ServerSink sink = self.call.stream.sink
        if sink is not self:
            # The call has its handler, or has been refused.
            return sink.on_closed(cancelled)
        self._leave()
        if self.task is not None:
            self.task.cancel()
        return 0

    cdef int on_lost(self) except -1:
        return self.settle(None, _UNAVAILABLE, "the server's event loop has been closed")

    cdef int _leave(self) except -1:
        self.call.stream.sink = nobody
        self.call.core._shared.on_loop.discard(self)
        return 0

    cdef int start(self) except -1:
        # A task copies the variables of the moment: those of this call.
        loop = self.call.core._shared.loop_mailbox().loop
        self.task = self.variables.run(loop.create_task, self._run())
        return 0

    async def _run(self):
        try:
            plan = await self.awaitable
        except Exception as error:
            _LOGGER.error("Exception servicing handler: %s", error, exc_info=error)
            self.settle(None, _UNKNOWN, "Error in service handler!")
        except BaseException:
            self.settle(None, _CANCELLED, "the RPC was cancelled before it had a handler")
            raise
        else:
            self.settle(plan, _UNIMPLEMENTED, "Method not found!")
        finally:
            # The task holds this object, too.
            self.task = None

    cdef int settle(self, object plan, int code, str details) except -1:
        cdef _Resolve call = self.call
        if call.stream.sink is not self:
            # The client has gone.
            return 0
        self._leave()
        if plan is None:
            return call.core.refuse(call.stream, code, details)
        # With what the interceptors have set. The task is still inside its own variables.
        return call.core.accept(
            call.stream, call.method, call.metadata, call.deadline, plan, copy_context(), True
        )


cdef class _StartResolving(Completion):
    cdef _ResolveLater later

    def __cinit__(self, _ResolveLater later):
        self.later = later

    cdef int deliver(self) except -1:
        return self.later.start()

    cdef int abandon(self) except -1:
        return self.later.on_lost()


cdef class ServerPort:
    """A server's transport and core, as the facade holds them."""

    def __init__(self, transport, core):
        self.transport = transport
        self.core = core

    def start(self, loop):
        """Take calls from now on; with a loop, the user's code that finds handlers runs on its thread."""
        self.core._resolver = inline_mailbox if loop is None else mailbox_of(loop)
        self.transport.start(self.core, self.core._resolver)

    def refuse_new(self):
        """Let the calls in flight end; then the core's `on_drained` is called."""
        self.transport.refuse_new()

    def cancel_all(self):
        """Cancel the calls in flight."""
        self.transport.cancel_all()
