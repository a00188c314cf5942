"""What a scenario is, and what scenarios share."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..contenders import RpcContender, SharedServer
from ..measure import CALLS, Absent, Contender, Figure


@dataclass(frozen=True)
class Case:
    """Contenders that are compared with each other, in one table."""

    key: str
    """Its name in the JSON and in the table of targets."""
    title: str
    contenders: Sequence[Contender]
    figures: Sequence[Figure] = (CALLS,)
    """What is shown; the first one's ratio, too."""
    ends: Sequence[str] = ()
    """The ends under measurement, of `client` and `server`: whose CPU is compared."""


@dataclass(frozen=True)
class Scenario:
    name: str
    summary: str
    cases: Callable[[argparse.Namespace], list[Case]]


@dataclass(frozen=True)
class Who:
    """A contender: the name shown, the kind of process, and what its ratio is taken to."""

    name: str
    kind: str
    against: str | None = None


CLIENTS = (
    Who("grpcio sync client", "grpcio-sync"),
    Who("grpc.aio client", "grpc-aio"),
    Who("grpclib client", "grpclib", "grpc.aio client"),
    Who("connectrpc client", "connectrpc", "grpc.aio client"),
    Who("grpc_bridge async client", "bridge-async", "grpc.aio client"),
    Who("grpc_bridge sync client", "bridge-sync", "grpcio sync client"),
)
SERVERS = (
    Who("grpc.server", "grpcio-sync"),
    Who("grpc.aio.server", "grpc-aio"),
    Who("grpclib server", "grpclib", "grpc.aio.server"),
    Who("connectrpc server", "connectrpc", "grpc.aio.server"),
    Who("grpc_bridge, async handler", "bridge-async", "grpc.aio.server"),
    Who("grpc_bridge, sync handler", "bridge-sync", "grpc.server"),
)
BOTH = (
    Who("grpcio sync, both ends", "grpcio-sync"),
    Who("grpc.aio, both ends", "grpc-aio"),
    Who("grpclib, both ends", "grpclib", "grpc.aio, both ends"),
    Who("grpc_bridge async, both ends", "bridge-async", "grpc.aio, both ends"),
    Who("grpc_bridge sync, both ends", "bridge-sync", "grpcio sync, both ends"),
)
ASYNC_BOTH = tuple(who for who in BOTH if who.kind in ("grpc-aio", "grpclib", "bridge-async"))


def both_ends(options: argparse.Namespace, who: Who, load: dict[str, Any]) -> RpcContender:
    """A client and a server of one kind."""
    server = SharedServer([who.kind, *server_options(options)])
    return RpcContender(who.name, [who.kind, *client_options(options)], server, who.against, load)


def one_server(options: argparse.Namespace, whos: Sequence[Who], load: dict[str, Any]) -> list[RpcContender]:
    """Clients that are compared with each other: all on one server process."""
    server = SharedServer([fast_server(options), *server_options(options)])
    return [
        RpcContender(who.name, [who.kind, *client_options(options)], server, who.against, load)
        for who in whos
    ]


def one_light_client(options: argparse.Namespace, who: Who, load: dict[str, Any]) -> RpcContender:
    """A server under the client that does little."""
    server = SharedServer([who.kind, *server_options(options)])
    return RpcContender(who.name, ["light", *client_options(options)], server, who.against, load)


def fast_server(options: argparse.Namespace) -> str:
    """Clients are compared against our server, as the fastest: behind a slow one all clients look alike."""
    return _fast_server(*server_options(options))


@functools.cache
def _fast_server(*options: str) -> str:
    server = SharedServer(["bridge-async", *options])
    try:
        server.acquire()
    except (Absent, RuntimeError, TimeoutError):
        # Its own scenario says what is wrong with it.
        return "grpc-aio"
    finally:
        server.release()
    return "bridge-async"


def server_options(options: argparse.Namespace) -> list[str]:
    return ["--messages", options.messages, "--loop", options.loop]


def client_options(options: argparse.Namespace) -> list[str]:
    return [*server_options(options), "--payload", str(options.payload)]
