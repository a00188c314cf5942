"""A channel's connectivity, for coroutines: its state now, and waiting for another."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import grpc

from grpc_bridge._border import wake

if TYPE_CHECKING:
    from grpc_bridge._cy.ccore.channel import CCoreChannel

STATES: dict[int, grpc.ChannelConnectivity] = {state.value[0]: state for state in grpc.ChannelConnectivity}

# How long C-core is asked to wait for a change before somebody looks whether anyone still wants to know.
_WATCH_SECONDS = 0.2


def state_of(transport: CCoreChannel, try_to_connect: bool) -> grpc.ChannelConnectivity:
    """The state now; SHUTDOWN for a channel that was closed."""
    try:
        return STATES[transport.check_connectivity_state(try_to_connect)]
    except ValueError:
        return grpc.ChannelConnectivity.SHUTDOWN


class ConnectivityWatcher:
    """Wakes coroutines, on any number of loops, when a channel's state changes.

    A thread of its own asks C-core while somebody waits, and ends when nobody does.
    """

    def __init__(self, transport: CCoreChannel) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._waiters: list[
            tuple[grpc.ChannelConnectivity, asyncio.AbstractEventLoop, asyncio.Future[None]]
        ] = []
        self._thread: threading.Thread | None = None

    async def wait_for_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Return when the state is another than `last_observed_state`."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        entry = (last_observed_state, loop, waiter)
        with self._lock:
            self._waiters.append(entry)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="grpc_bridge connectivity", daemon=True
                )
                self._thread.start()
        try:
            await waiter
        finally:
            with self._lock:
                if entry in self._waiters:
                    self._waiters.remove(entry)

    def _watch(self) -> None:
        while True:
            state = state_of(self._transport, False)
            with self._lock:
                changed = [entry for entry in self._waiters if entry[0] is not state]
                self._waiters = [entry for entry in self._waiters if entry[0] is state]
                if not self._waiters:
                    self._thread = None
            for _, loop, waiter in changed:
                wake(loop, waiter)
            if self._thread is None:
                return
            try:
                self._transport.watch_connectivity_state(state.value[0], time.time() + _WATCH_SECONDS)
            except ValueError:
                pass  # closed meanwhile: the next look says so
