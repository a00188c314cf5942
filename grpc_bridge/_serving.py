"""What a server is made of: it lives until its last RPC has ended, even if the user drops the server."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
import weakref
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc

from grpc_bridge import _fork
from grpc_bridge._border import LoopThread, running_loop, serving, serving_no_more
from grpc_bridge._cy.ccore.server import CCoreServer
from grpc_bridge._cy.handoff import mailbox_of
from grpc_bridge._cy.server_call import HandlerPlan
from grpc_bridge._cy.server_core import ServerCore, ServerPort
from grpc_bridge._event import Event
from grpc_bridge._grpc_types import RpcMethodHandler
from grpc_bridge._handler import RequestIterator, plan_of, settled_shape
from grpc_bridge._server_interceptor import HandlerCallDetails, ServerPipeline

# The generic handler of generated code: it says the same of a method each time, so one question is enough.
_FIXED = type(grpc.method_handlers_generic_handler("", {}))


class Serving:
    """The handlers, the pool, the loop and the transport of one server, and its stages."""

    def __init__(
        self,
        thread_pool: futures.Executor | None,
        interceptors: Any,
        transport: CCoreServer,
        limit: int | None,
        make_context: Callable[..., Any],
    ) -> None:
        self._own_pool: futures.Executor | None = None
        if thread_pool is None:
            self._own_pool = thread_pool = futures.ThreadPoolExecutor(
                thread_name_prefix="grpc_bridge handler"
            )
        self.pool = thread_pool
        self.generic: list[grpc.GenericRpcHandler] = []
        self.registered: dict[str, RpcMethodHandler] = {}
        self._pipeline = ServerPipeline(interceptors, self.pool, self._event_loop)
        # A signal handler may stop the server while this thread is inside.
        self._lock = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread: LoopThread | None = None
        self._ports: list[int] = []
        self.started = self.stopping = False
        self.terminated = Event()
        self._stops: list[Event] = []
        self.transport = transport
        self._core = ServerCore(
            resolve=self._resolve,
            make_context=make_context,
            make_requests=RequestIterator,
            limit=limit,
            base_variables=contextvars.Context(),
            loop_mailbox=self._loop_mailbox,
            on_drained=self._on_drained,
        )
        self._port = ServerPort(transport, self._core)
        self._generation = _fork.generation
        _all.add(self)

    # ---- what it serves ---------------------------------------------------------------------------

    def _handler_of(self, details: grpc.HandlerCallDetails) -> RpcMethodHandler | None:
        registered = self.registered.get(details.method)
        if registered is not None:
            return settled_shape(registered)
        for generic in self.generic:
            handler = generic.service(details)
            if handler is not None:
                return settled_shape(handler)
        return None

    def _resolve(self, method: str, metadata: Any) -> Any:
        """The plan of a call; None if nobody serves it; awaitable if an interceptor has to be awaited."""
        handler = self._pipeline.execute(self._handler_of, HandlerCallDetails(method, metadata))
        if inspect.isawaitable(handler):
            return self._plan_later(handler)
        if handler is None:
            return None
        plan = plan_of(handler, self.pool)
        if not self._pipeline and all(type(generic) is _FIXED for generic in self.generic):
            self._core.add_plan(method, plan)
        return plan

    async def _plan_later(self, handler: Any) -> HandlerPlan | None:
        handler = await handler
        return None if handler is None else plan_of(handler, self.pool)

    # ---- where it listens and runs ----------------------------------------------------------------

    def listens(self, port: int) -> None:
        """Another port is open."""
        self._ports.append(port)
        if self._loop is not None:
            serving(self._loop, (port,))

    def _loop_mailbox(self) -> Any:
        return mailbox_of(self._event_loop())

    def _event_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop_thread = LoopThread("grpc_bridge server")
                self._loop = self._loop_thread.loop
            return self._loop

    # ---- its stages -------------------------------------------------------------------------------

    def start(self) -> None:
        """Serve, on the running loop if there is one."""
        with self._lock:
            if self.started:
                raise ValueError("Cannot start already-started server!")
            self.started = True
            self._loop = running_loop()
            if not self._pipeline:
                for method, handler in self.registered.items():
                    self._core.add_plan(method, plan_of(settled_shape(handler), self.pool))
            self._port.start(self._loop)
            if self._loop is not None:
                serving(self._loop, self._ports)

    def begin_stop(self) -> Event:
        """Take no more RPCs; the event will be set when those in flight have ended."""
        stopped = Event()
        with self._lock:
            if not self.started or self.terminated.is_set():
                stopped.set()
                return stopped
            self._stops.append(stopped)
            if not self.stopping:
                self.stopping = True
                self._port.refuse_new()
        if self.terminated.is_set():
            stopped.set()
        return stopped

    def cancel_all(self) -> None:
        """Cancel the RPCs in flight."""
        if self.started and not self.terminated.is_set():
            self._port.cancel_all()

    def dropped(self) -> None:
        """Nobody holds the server any more; nor can anybody stop it, so it stops as grpcio's does."""
        if self._generation == _fork.generation and self.started and not self.stopping:
            self.begin_stop()

    def on_transport(self) -> bool:
        """Whether this is the thread that everything waits for."""
        return self.transport.polls_here()

    def _on_drained(self) -> None:
        if self._loop is not None:
            serving_no_more(self._loop, self._ports)
        if self._own_pool is not None:
            self._own_pool.shutdown(wait=False)
        if self._loop_thread is not None:
            self._loop_thread.stop()
        self.terminated.set()
        for stopped in self._stops:
            stopped.set()


_all: weakref.WeakSet[Serving] = weakref.WeakSet()


def _leave_to_parent() -> None:
    # A server serves in the process that started it; in a child it must not be ended either.
    for each in list(_all):
        _fork.leave_behind(each)
    _all.clear()


_fork.register(after_in_child=_leave_to_parent)
