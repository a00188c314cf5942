"""Channels that nobody has to make or to close: one per target, credentials and options, dropped when idle.

Dropping a channel lets its calls in flight end: they keep their connection until then.
"""

from __future__ import annotations

import atexit
import functools
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import grpc
import grpc.experimental  # before _simple_stubs, which it needs and which needs it
from grpc import _simple_stubs

from grpc_bridge import _fork
from grpc_bridge._api import insecure_channel, secure_channel

_Key = tuple[str, grpc.ChannelCredentials | None, tuple[tuple[str, Any], ...], grpc.Compression | None]


class ChannelPool:
    """A bounded pool; for any thread and any loop.

    A channel is dropped `idle_seconds` after it was last asked for. Where there are more than `maximum`, the
    one goes that nobody has asked for the longest.
    """

    def __init__(self, idle_seconds: float, maximum: int) -> None:
        self._idle_seconds = idle_seconds
        self._maximum = maximum
        self._start_afresh()
        _pools.add(self)

    def _start_afresh(self) -> None:
        self._changed = threading.Condition()
        # In the order of their last use.
        self._channels: OrderedDict[_Key, tuple[Any, float]] = OrderedDict()
        self._evicts = False

    def channel(
        self,
        target: str,
        credentials: grpc.ChannelCredentials | None,
        options: Sequence[tuple[str, Any]] = (),
        compression: grpc.Compression | None = None,
    ) -> grpc.Channel:
        """The channel to `target`, made on first use; `credentials` None is for one in plain text."""
        key = target, credentials, tuple(options), compression
        with self._changed:
            found = self._channels.pop(key, None)
            channel: grpc.Channel
            if found is not None:
                channel = found[0]
            elif credentials is None:
                channel = insecure_channel(target, key[2], compression)
            else:
                channel = secure_channel(target, credentials, key[2], compression)
            self._channels[key] = channel, time.monotonic() + self._idle_seconds
            while len(self._channels) > self._maximum:
                self._channels.popitem(last=False)
            if not self._evicts:
                self._evicts = True
                threading.Thread(target=self._evict, name="grpc_bridge channel pool", daemon=True).start()
        return channel

    def _evict(self) -> None:
        """Drop what has been idle for too long, until nothing is left."""
        with self._changed:
            while self._channels:
                key, (_, expiry) = next(iter(self._channels.items()))
                remaining = expiry - time.monotonic()
                if remaining > 0:
                    self._changed.wait(remaining)
                elif self._channels[key][1] == expiry:
                    del self._channels[key]
            self._evicts = False

    def close(self) -> None:
        """Close every channel, with the calls that they have in flight."""
        with self._changed:
            channels = [channel for channel, _ in self._channels.values()]
            self._channels.clear()
            self._changed.notify_all()
        for channel in channels:
            channel.close_now()

    def __len__(self) -> int:
        return len(self._channels)


_pools: weakref.WeakSet[ChannelPool] = weakref.WeakSet()


shared = ChannelPool(_simple_stubs._EVICTION_PERIOD.total_seconds(), _simple_stubs._MAXIMUM_CHANNELS)
"""The pool of this process. Two environment variables of grpcio's, read at import, set what it keeps:
GRPC_PYTHON_MANAGED_CHANNEL_EVICTION_SECONDS (600) and GRPC_PYTHON_MANAGED_CHANNEL_MAXIMUM (256)."""


@functools.cache
def default_credentials() -> grpc.ChannelCredentials:
    """Credentials for TLS, where none are given: one object, so that calls share their channels."""
    return grpc.ssl_channel_credentials()


def _start_pools_afresh() -> None:
    # After a fork: the channels are the parent's, and so is the thread that drops them.
    for pool in list(_pools):
        _fork.leave_behind((pool._changed, pool._channels))
        pool._start_afresh()


def _close_pools() -> None:
    for pool in list(_pools):
        pool.close()


_fork.register(after_in_child=_start_pools_afresh)
atexit.register(_close_pools)
