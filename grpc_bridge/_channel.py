"""The channel: one object for threads and for any number of event loops.

It keeps two C-core channels, each made when first needed: grpcio's own, which serves the sync context
to the letter, and the core's. Their arguments are equal, so C-core gives them one connection.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import grpc
from grpc import _channel, _common

from grpc_bridge import _fork
from grpc_bridge._border import Done, running_loop, wake
from grpc_bridge._connectivity import ConnectivityWatcher, state_of
from grpc_bridge._cy.ccore import port
from grpc_bridge._cy.ccore.channel import CCoreChannel
from grpc_bridge._multicallable import (
    StreamStreamMultiCallable,
    StreamUnaryMultiCallable,
    UnaryStreamMultiCallable,
    UnaryUnaryMultiCallable,
)

Options = Sequence[tuple[str, Any]] | None


class Channel(grpc.Channel):
    """A ``grpc.Channel`` for every context. Made anywhere, used from any thread and any loop."""

    # What the four arities are made of; grpc_bridge.aio has its own.
    _unary_unary: type[UnaryUnaryMultiCallable] = UnaryUnaryMultiCallable
    _unary_stream: type[UnaryStreamMultiCallable] = UnaryStreamMultiCallable
    _stream_unary: type[StreamUnaryMultiCallable] = StreamUnaryMultiCallable
    _stream_stream: type[StreamStreamMultiCallable] = StreamStreamMultiCallable

    def __init__(
        self,
        target: str,
        options: Options,
        credentials: grpc.ChannelCredentials | None,
        compression: grpc.Compression | None,
    ) -> None:
        self.target = target
        self._options = () if options is None else tuple(options)
        port.check_options(self._options)
        self._credentials = credentials
        self._compression = compression
        self._closed = False
        self._start_afresh()
        _channels.add(self)

    def _start_afresh(self) -> None:
        """Have nothing yet of what is made when first needed."""
        # A signal handler may close the channel while this thread is inside.
        self._lock = threading.RLock()
        self._sync_made: grpc.Channel | None = None
        self._transport_made: CCoreChannel | None = None
        self._watcher_made: ConnectivityWatcher | None = None

    def _leave_to_parent(self) -> None:
        """After a fork: what the parent has made stays the parent's."""
        _fork.leave_behind((self._sync_made, self._transport_made, self._watcher_made))
        self._start_afresh()

    # ---- what it is made of -----------------------------------------------------------------------

    @property
    def sync_channel(self) -> grpc.Channel:
        """grpcio's own channel to the same target."""
        if self._sync_made is None:
            with self._lock:
                if self._sync_made is None:
                    self._sync_made = self._make_sync()
                    if self._closed:
                        self._sync_made.close()
        return self._sync_made

    def _make_sync(self) -> grpc.Channel:
        # Not by grpc.insecure_channel: what a library puts in its place is around this channel already.
        credentials = getattr(self._credentials, "_credentials", None)
        return _channel.Channel(self.target, self._process_options, credentials, self._compression)

    @property
    def _process_options(self) -> tuple[tuple[str, Any], ...]:
        """The options, and after a fork one that keeps C-core from sharing the parent's connection."""
        if not _fork.generation:
            return self._options
        return (*self._options, ("grpc_bridge.fork_generation", _fork.generation))

    @property
    def transport(self) -> CCoreChannel:
        """The core's channel."""
        if self._transport_made is None:
            with self._lock:
                if self._transport_made is None:
                    self._transport_made = self._make_transport()
                    if self._closed:
                        self._transport_made.shut()
        return self._transport_made

    def _make_transport(self) -> CCoreChannel:
        return CCoreChannel(
            _common.encode(self.target),
            self._process_options,
            getattr(self._credentials, "_credentials", None),
            self._compression,
        )

    def check_open(self) -> None:
        """Raise what grpcio raises for a blocking call on a channel that was closed."""
        if self._closed:
            raise ValueError("Cannot invoke RPC on closed channel!")

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Check that it is open, and keep it so: no other thread closes it, or is in here, meanwhile.

        For registering methods, at which C-core crashes on a closed channel, and which two threads must not
        do at once.
        """
        with self._lock:
            self.check_open()
            yield

    def with_compression(self, metadata: Any, compression: grpc.Compression) -> Any:
        """The metadata of a call that asks for a compression of its own."""
        return port.with_compression(metadata, compression)

    # ---- grpc.Channel -----------------------------------------------------------------------------

    def subscribe(
        self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool | None = False
    ) -> None:
        """Call `callback` with the channel's connectivity, now and at every change, on a thread of grpcio's.

        With `try_to_connect` the channel connects without waiting for a call. Never blocks.
        """
        self.sync_channel.subscribe(callback, bool(try_to_connect))

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Call that callback no more; nothing happens if it was not subscribed."""
        self.sync_channel.unsubscribe(callback)

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> UnaryUnaryMultiCallable:
        """The multi-callable of a unary-unary method, e.g. ``/package.Service/Method``.

        `request_serializer` makes bytes of a request, `response_deserializer` a response of bytes; without
        them messages are bytes. Both are called on the thread that makes the call, or on the loop's. Never
        blocks.
        """
        return self._unary_unary(
            self, method, request_serializer, response_deserializer, bool(_registered_method)
        )

    def unary_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> UnaryStreamMultiCallable:
        """The multi-callable of a unary-stream method; see `unary_unary`."""
        return self._unary_stream(
            self, method, request_serializer, response_deserializer, bool(_registered_method)
        )

    def stream_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> StreamUnaryMultiCallable:
        """The multi-callable of a stream-unary method; see `unary_unary`."""
        return self._stream_unary(
            self, method, request_serializer, response_deserializer, bool(_registered_method)
        )

    def stream_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> StreamStreamMultiCallable:
        """The multi-callable of a stream-stream method; see `unary_unary`."""
        return self._stream_stream(
            self, method, request_serializer, response_deserializer, bool(_registered_method)
        )

    # ---- what grpc.aio adds -----------------------------------------------------------------------

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """The connectivity of the channel that coroutines' calls use, at once; from any thread.

        With `try_to_connect` an idle channel begins to connect.
        """
        return state_of(self.transport, try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Return when the connectivity is another than `last_observed_state`. For a coroutine of any loop."""
        await self._watcher.wait_for_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Connect, and return when the channel is ready, however long it takes; for a coroutine of any loop.

        Raises ``RuntimeError`` if the channel is closed.
        """
        while (state := self.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
            if state is grpc.ChannelConnectivity.SHUTDOWN:
                raise RuntimeError("the channel was closed; it will not be ready again")
            await self.wait_for_state_change(state)

    @property
    def _watcher(self) -> ConnectivityWatcher:
        transport = self.transport
        with self._lock:
            if self._watcher_made is None:
                self._watcher_made = ConnectivityWatcher(transport)
            return self._watcher_made

    # ---- its end ----------------------------------------------------------------------------------

    def close(self) -> Any:
        """Cancel every call in flight, of both colours, and refuse new ones, from any thread.

        It has happened when this returns; in a coroutine what is returned may be awaited. A second time it
        does nothing. Calls after it raise ``ValueError``.
        """
        self.close_now()
        return None if running_loop() is None else Done(None)

    def close_now(self) -> None:
        """What `close` does, in whatever context."""
        with self._lock:
            self._closed = True
            made = self._sync_made, self._transport_made
        sync, transport = made
        if transport is not None:
            transport.shut()
        if sync is not None:
            sync.close()

    async def close_after(self, grace: float) -> None:
        """Refuse new calls, and close when those of coroutines have ended, or after `grace` seconds."""
        with self._lock:
            self._closed = True
            transport = self._transport_made
        if transport is not None:
            loop = asyncio.get_running_loop()
            idle = loop.create_future()
            transport.when_idle(lambda: wake(loop, idle))
            await asyncio.wait((idle,), timeout=grace)
        self.close_now()

    def __enter__(self) -> Channel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_now()

    async def __aenter__(self) -> Channel:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_now()


_channels: weakref.WeakSet[Channel] = weakref.WeakSet()


def _leave_channels_to_parent() -> None:
    for channel in list(_channels):
        channel._leave_to_parent()


_fork.register(after_in_child=_leave_channels_to_parent)
