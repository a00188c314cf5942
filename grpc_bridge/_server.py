"""The server: one for handlers of both colours, started from sync code or inside a running loop."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from concurrent import futures
from typing import Any

import grpc
from grpc import _common

from grpc_bridge import _fork
from grpc_bridge._border import Done, LoopThread, running_loop, serving, serving_no_more
from grpc_bridge._context import ServicerContext
from grpc_bridge._cy.ccore.server import CCoreServer
from grpc_bridge._cy.handoff import mailbox_of
from grpc_bridge._cy.server_call import HandlerPlan
from grpc_bridge._cy.server_core import ServerCore, ServerPort
from grpc_bridge._event import Event
from grpc_bridge._grpc_types import RpcMethodHandler
from grpc_bridge._handler import RequestIterator, plan_of
from grpc_bridge._server_interceptor import HandlerCallDetails, ServerPipeline

_LOGGER = logging.getLogger("grpc_bridge")

# The generic handler of generated code: it says the same of a method each time, so one question is enough.
_FIXED = type(grpc.method_handlers_generic_handler("", {}))


class Server(grpc.Server):
    """A ``grpc.Server`` whose handlers may be functions, which a thread pool runs, or coroutines.

    Started where a loop is running, the server belongs to that loop. Started from plain sync code, it
    has a loop of its own, on a thread of its own, from the first async handler on.
    """

    def __init__(
        self,
        thread_pool: futures.Executor | None,
        handlers: Sequence[grpc.GenericRpcHandler] | None,
        interceptors: Sequence[Any] | None,
        options: Sequence[tuple[str, Any]] | None,
        maximum_concurrent_rpcs: int | None,
        compression: grpc.Compression | None,
        xds: bool,
        context_class: type[ServicerContext] = ServicerContext,
    ) -> None:
        self._own_pool = (
            None
            if thread_pool is not None
            else futures.ThreadPoolExecutor(thread_name_prefix="grpc_bridge handler")
        )
        self._pool: futures.Executor = thread_pool or self._own_pool  # type: ignore[assignment]
        self._generic: list[grpc.GenericRpcHandler] = []
        self._registered: dict[str, RpcMethodHandler] = {}
        self._pipeline = ServerPipeline(interceptors or ())
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread: LoopThread | None = None
        self._ports: list[int] = []
        self._started = self._stopping = False
        self._terminated = Event()
        self._transport = CCoreServer(() if options is None else tuple(options), compression, xds)
        self._core = ServerCore(
            resolve=self._resolve,
            make_context=context_class,
            make_requests=RequestIterator,
            limit=maximum_concurrent_rpcs,
            base_variables=contextvars.Context(),
            loop_mailbox=self._loop_mailbox,
            on_drained=self._on_drained,
        )
        self._port = ServerPort(self._transport, self._core)
        if handlers:
            self.add_generic_rpc_handlers(handlers)
        _servers.add(self)

    # ---- what it serves ---------------------------------------------------------------------------

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Serve what the handlers say they serve; see ``grpc.Server``."""
        handlers = tuple(generic_rpc_handlers)
        for handler in handlers:
            if getattr(handler, "service", None) is None:
                raise AttributeError(
                    f'"{handler}" must conform to grpc.GenericRpcHandler type '
                    'but does not have "service" method!'
                )
        self._generic.extend(handlers)

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, RpcMethodHandler]
    ) -> None:
        """Serve a service's methods; they win over generic handlers of the same name. Before `start`."""
        if self._started:
            _LOGGER.warning("Cannot register method handlers once server has started")
            return
        for name, handler in method_handlers.items():
            self._registered[_common.fully_qualified_method(service_name, name)] = handler

    def _handler_of(self, details: grpc.HandlerCallDetails) -> RpcMethodHandler | None:
        registered = self._registered.get(details.method)
        if registered is not None:
            return registered
        for generic in self._generic:
            handler = generic.service(details)
            if handler is not None:
                return handler
        return None

    def _resolve(self, method: str, metadata: Any) -> Any:
        """The plan of a call; None if nobody serves it; awaitable if an interceptor has to be awaited."""
        details = HandlerCallDetails(method, metadata)
        handler = self._pipeline.execute(self._handler_of, details)
        if inspect.isawaitable(handler):
            return self._plan_later(handler)
        if handler is None:
            return None
        plan = plan_of(handler, self._pool)
        if not self._pipeline and all(type(generic) is _FIXED for generic in self._generic):
            self._core.add_plan(method, plan)
        return plan

    async def _plan_later(self, handler: Any) -> HandlerPlan | None:
        handler = await handler
        return None if handler is None else plan_of(handler, self._pool)

    # ---- where it listens -------------------------------------------------------------------------

    def add_insecure_port(self, address: str) -> int:
        """Listen without transport security; the port's number (an address with port 0 picks one)."""
        return self._bound(address, self._transport.add_port(_common.encode(address), None))

    def add_secure_port(self, address: str, server_credentials: grpc.ServerCredentials) -> int:
        """Listen with credentials; the port's number."""
        return self._bound(address, self._transport.add_port(_common.encode(address), server_credentials))

    def _bound(self, address: str, port: int) -> int:
        _common.validate_port_binding_result(address, port)
        self._ports.append(port)
        if self._loop is not None:
            serving(self._loop, (port,))
        return port

    # ---- its life ---------------------------------------------------------------------------------

    def start(self) -> Any:
        """Serve from now on. Does not block; may be awaited in a coroutine.

        Raises ``ValueError`` if it was started before.
        """
        with self._lock:
            if self._started:
                raise ValueError("Cannot start already-started server!")
            self._started = True
        self._loop = running_loop()
        if not self._pipeline:
            for method, handler in self._registered.items():
                self._core.add_plan(method, plan_of(handler, self._pool))
        self._port.start(self._loop)
        if self._loop is not None:
            serving(self._loop, self._ports)
        return None if self._loop is None else Done(None)

    def _loop_mailbox(self) -> Any:
        if self._loop is None:
            self._loop_thread = LoopThread("grpc_bridge server")
            self._loop = self._loop_thread.loop
        return mailbox_of(self._loop)

    def stop(self, grace: float | None = None) -> Event:
        """Refuse new RPCs; cancel those in flight after `grace` seconds, or now if it is None.

        Returns a ``threading.Event`` that is set when all is over, and that may be awaited. In the sync
        context, with `grace` None, it is set on return, as on grpcio.
        """
        with self._lock:
            first = self._started and not self._stopping
            self._stopping = True
        if not self._started:
            self._on_drained()
            return self._terminated
        if first:
            self._port.refuse_new()
        if grace is None:
            self._cancel_all()
            if running_loop() is None:
                self._terminated.wait()
        elif not self._terminated.is_set():
            timer = threading.Thread(
                target=self._cancel_later, args=(grace,), name="grpc_bridge grace", daemon=True
            )
            timer.start()
        return self._terminated

    def _cancel_later(self, grace: float) -> None:
        if not self._terminated.wait(grace):
            self._cancel_all()

    def _cancel_all(self) -> None:
        if not self._terminated.is_set():
            self._port.cancel_all()

    def _on_drained(self) -> None:
        if self._loop is not None:
            serving_no_more(self._loop, self._ports)
        if self._own_pool is not None:
            self._own_pool.shutdown(wait=False)
        if self._loop_thread is not None:
            threading.Thread(
                target=self._loop_thread.stop, name="grpc_bridge server end", daemon=True
            ).start()
        self._terminated.set()

    def wait_for_termination(self, timeout: float | None = None) -> Any:
        """Wait until the server has stopped; True if `timeout` seconds passed first."""
        if running_loop() is not None:
            return self._terminated.wait_async(timeout)
        return not self._terminated.wait(timeout)


_servers: weakref.WeakSet[Server] = weakref.WeakSet()


def _leave_servers_to_parent() -> None:
    # A server serves in the process that started it; in a child it must not be ended either.
    for server in list(_servers):
        _fork.leave_behind(server)
    _servers.clear()


_fork.register(after_in_child=_leave_servers_to_parent)
