"""The libraries that are compared, each behind the same few methods, so that all do the same work.

A *kind* is one library in one colour. Its module is imported when it is asked for: what is not installed is
an ImportError, and a process that measures one library holds no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ..messages import Codec

Ready = Callable[[int], None]
"""How a server says on which port it listens; it then serves until the process ends."""


class Client(Protocol):
    """A channel and the methods of the bench's service on it.

    Every method blocks in a client of threads and is awaited in a client of tasks. The three that stream
    make one call with `messages.STREAMED` messages, and raise if another number came back.
    """

    channel: Any

    def unary(self, request: Any) -> Awaitable[Any] | Any: ...

    def busy(self, request: Any) -> Awaitable[Any] | Any:
        """A unary call whose handler works for a while on its loop."""

    def receive(self, request: Any) -> Awaitable[None] | None: ...

    def send(self, request: Any) -> Awaitable[None] | None: ...

    def exchange(self, request: Any) -> Awaitable[None] | None:
        """A message, its answer, the next message: ping-pong."""

    def close(self) -> Awaitable[None] | None: ...


class Peer(Protocol):
    is_async: bool

    def connect(self, target: str, codec: Codec) -> Client:
        """Make a channel and a stub; for clients of tasks, on the loop that they are to run on."""

    def serve(self, codec: Codec, loop: str, ready: Ready) -> None: ...


def peer(kind: str) -> Peer:
    """The library of a kind; ImportError where it is not installed."""
    return KINDS[kind]()


def _grpcio_sync() -> Peer:
    import grpc

    from .threads import ThreadPeer

    return ThreadPeer(grpc)


def _bridge_sync() -> Peer:
    import grpc_bridge

    from .threads import ThreadPeer

    return ThreadPeer(grpc_bridge)


def _grpc_aio() -> Peer:
    import grpc.aio

    from .tasks import TaskPeer

    return TaskPeer(grpc.aio)


def _bridge_async() -> Peer:
    import grpc_bridge

    from .tasks import TaskPeer

    return TaskPeer(grpc_bridge)


def _grpclib() -> Peer:
    from .with_grpclib import GrpclibPeer

    return GrpclibPeer()


def _connectrpc() -> Peer:
    from .with_connectrpc import ConnectPeer

    return ConnectPeer()


KINDS: dict[str, Callable[[], Peer]] = {
    "grpcio-sync": _grpcio_sync,
    "grpc-aio": _grpc_aio,
    "bridge-async": _bridge_async,
    "bridge-sync": _bridge_sync,
    "grpclib": _grpclib,
    "connectrpc": _connectrpc,
}
