"""The server: one for handlers of both colours, started from sync code or inside a running loop."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent import futures
from typing import Any

import grpc
from grpc import _common

from grpc_bridge._border import Done, running_loop
from grpc_bridge._context import ServicerContext
from grpc_bridge._cy.ccore.server import CCoreServer
from grpc_bridge._event import Event
from grpc_bridge._grpc_types import RpcMethodHandler
from grpc_bridge._serving import Serving

_LOGGER = logging.getLogger("grpc_bridge")


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
        _check_pool(thread_pool)
        if maximum_concurrent_rpcs is not None and not isinstance(maximum_concurrent_rpcs, int):
            raise TypeError(f"maximum_concurrent_rpcs is a number or None, not {maximum_concurrent_rpcs!r}")
        transport = self._make_transport(() if options is None else tuple(options), compression, xds)
        self._serving = Serving(
            thread_pool, interceptors or (), transport, maximum_concurrent_rpcs, context_class
        )
        if handlers:
            self.add_generic_rpc_handlers(handlers)

    # Bound here, for the module's own globals may be gone when the interpreter ends.
    def __del__(self, _is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # As on grpcio, a server that is dropped stops; the RPCs in flight are answered.
        if hasattr(self, "_serving") and not _is_finalizing():
            self._serving.dropped()

    def _make_transport(
        self, options: tuple[Any, ...], compression: grpc.Compression | None, xds: bool
    ) -> CCoreServer:
        return CCoreServer(options, compression, xds)

    # ---- what it serves ---------------------------------------------------------------------------

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Serve what the handlers say they serve; see ``grpc.Server``.

        Before `start` or later, from any thread. Raises ``AttributeError`` for a handler without `service`.
        """
        handlers = tuple(generic_rpc_handlers)
        for handler in handlers:
            if getattr(handler, "service", None) is None:
                raise AttributeError(
                    f'"{handler}" must conform to grpc.GenericRpcHandler type '
                    'but does not have "service" method!'
                )
        self._serving.generic.extend(handlers)

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, RpcMethodHandler]
    ) -> None:
        """Serve a service's methods, by name; they win over generic handlers of the same name.

        Before `start`; later it logs a warning and does nothing, as on grpcio. Raises ``TypeError`` for a
        handler that is none.
        """
        if self._serving.started:
            _LOGGER.warning("Cannot register method handlers once server has started")
            return
        for name, handler in method_handlers.items():
            if not hasattr(handler, "request_streaming"):
                raise TypeError(
                    f"the handler of {service_name}/{name} must be a grpc.RpcMethodHandler, not {handler!r}"
                )
        for name, handler in method_handlers.items():
            self._serving.registered[_common.fully_qualified_method(service_name, name)] = handler

    # ---- where it listens -------------------------------------------------------------------------

    def add_insecure_port(self, address: str) -> int:
        """Listen without transport security; the port's number (an address with port 0 picks one).

        Raises ``RuntimeError`` if the address cannot be had, ``ValueError`` once the server has been stopped.
        """
        return self._listen(address, None)

    def add_secure_port(self, address: str, server_credentials: grpc.ServerCredentials) -> int:
        """Listen with credentials; the port's number. Raises as `add_insecure_port`."""
        return self._listen(address, server_credentials._credentials)  # type: ignore[attr-defined]

    def _listen(self, address: str, credentials: Any) -> int:
        if self._serving.stopping:
            raise ValueError("a server that has been stopped listens no more")
        port = self._serving.transport.add_port(_common.encode(address), credentials)
        _common.validate_port_binding_result(address, port)
        self._serving.listens(port)
        return port

    # ---- its life ---------------------------------------------------------------------------------

    def start(self) -> Any:
        """Serve from now on. Does not block; may be awaited in a coroutine.

        In a coroutine the server runs its async handlers on that loop, else on one of its own. Raises
        ``ValueError`` if it was started before.
        """
        self._serving.start()
        return None if running_loop() is None else Done(None)

    def stop(self, grace: float | None = None) -> Event:
        """Refuse new RPCs; cancel those in flight after `grace` seconds, or now if it is None.

        Returns a ``threading.Event`` that is set when all is over, and that may be awaited. In the sync
        context, with `grace` None, it is set on return, as on grpcio, except in an RPC's own callback, which
        the end of the server waits for. May be called again, with another grace; does nothing before `start`.
        """
        if grace is not None and not isinstance(grace, (int, float)):
            raise TypeError(f"grace is a number of seconds or None, not {grace!r}")
        stopped = self._serving.begin_stop()
        if stopped.is_set():
            return stopped
        if grace is None:
            self._serving.cancel_all()
            if running_loop() is None and not self._serving.on_transport():
                stopped.wait()
        else:
            # Not a daemon: a process that ends meanwhile answers what is in flight first, as with grpcio.
            waiting = threading.Thread(
                target=_cancel_later, args=(self._serving, stopped, grace), name="grpc_bridge grace"
            )
            try:
                waiting.start()
            except RuntimeError:
                # From Python 3.12 on there are no new threads once the interpreter ends, and this one has
                # nothing else left to do.
                _cancel_later(self._serving, stopped, grace)
        return stopped

    def wait_for_termination(self, timeout: float | None = None) -> Any:
        """Wait until the server has stopped; True if `timeout` seconds passed first, otherwise False.

        Blocks in a thread, where it hears signals; awaited in a coroutine, on whichever loop.
        """
        if running_loop() is not None:
            return self._wait_for_termination(timeout)
        return not self._serving.terminated.wait(timeout)

    async def _wait_for_termination(self, timeout: float | None) -> bool:
        # A method, so that whoever waits holds the server.
        return await self._serving.terminated.wait_async(timeout)


def _cancel_later(serving: Serving, stopped: Event, grace: float) -> None:
    if not stopped.wait(grace):
        serving.cancel_all()


def _check_pool(pool: Any) -> None:
    if pool is not None and not callable(getattr(pool, "submit", None)):
        raise TypeError(f"thread_pool must be a concurrent.futures.Executor or None, not {pool!r}")
    if isinstance(pool, futures.ProcessPoolExecutor):
        raise TypeError("handlers run in the server's process: thread_pool must not be a ProcessPoolExecutor")
