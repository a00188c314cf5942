"""What is measured: the registry of scenarios. A new one is a function here, and nothing else changes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .contenders import RpcContender, SharedServer
from .measure import Absent, Contender


@dataclass(frozen=True)
class Case:
    """Contenders that are compared with each other, in one table."""

    title: str
    contenders: Sequence[Contender]
    ends: Sequence[str]
    """The ends under measurement, of `client` and `server`: whose CPU is compared."""


@dataclass(frozen=True)
class Scenario:
    name: str
    summary: str
    cases: Callable[[argparse.Namespace], list[Case]]


# Contenders: the name shown, the kind of process, and what its ratio is taken to.
_CLIENTS = (
    ("grpcio sync client", "grpcio-sync", None),
    ("grpc.aio client", "grpc-aio", None),
    ("grpc_bridge async client", "bridge-async", "grpc.aio client"),
    ("grpc_bridge sync client", "bridge-sync", "grpcio sync client"),
)
_SERVERS = (
    ("grpc.server", "grpcio-sync", None),
    ("grpc.aio.server", "grpc-aio", None),
    ("grpc_bridge, async handler", "bridge-async", "grpc.aio.server"),
    ("grpc_bridge, sync handler", "bridge-sync", "grpc.server"),
)
_BOTH = (
    ("grpcio sync, both ends", "grpcio-sync", None),
    ("grpc.aio, both ends", "grpc-aio", None),
    ("grpc_bridge async, both ends", "bridge-async", "grpc.aio, both ends"),
    ("grpc_bridge sync, both ends", "bridge-sync", "grpcio sync, both ends"),
)


def _unary_client(options: argparse.Namespace) -> list[Case]:
    kind = _fast_server(options)
    cases = []
    for concurrency in (1, 16, 128):
        server = SharedServer([kind, *_server_options(options)])
        contenders = [
            RpcContender(
                name, [client, *_client_options(options)], server, against, {"concurrency": concurrency}
            )
            for name, client, against in _CLIENTS
        ]
        threads = " (sync clients: 16 threads)" if concurrency > 16 else ""
        cases.append(
            Case(f"unary, concurrency {concurrency}{threads}, server {kind}", contenders, ("client",))
        )
    return cases


def _unary_server(options: argparse.Namespace) -> list[Case]:
    cases = []
    for concurrency in (1, 64):
        contenders = [
            RpcContender(
                name,
                ["light", *_client_options(options)],
                SharedServer([server, *_server_options(options)]),
                against,
                {"concurrency": concurrency},
            )
            for name, server, against in _SERVERS
        ]
        cases.append(Case(f"unary, concurrency {concurrency}, light client", contenders, ("server",)))
    return cases


def _unary_both(options: argparse.Namespace) -> list[Case]:
    cases = []
    for concurrency in (1, 64):
        contenders = [
            RpcContender(
                name,
                [kind, *_client_options(options)],
                SharedServer([kind, *_server_options(options)]),
                against,
                {"concurrency": concurrency},
            )
            for name, kind, against in _BOTH
        ]
        threads = " (sync clients: 16 threads)" if concurrency > 16 else ""
        cases.append(Case(f"unary, concurrency {concurrency}{threads}", contenders, ("client", "server")))
    return cases


def _fast_server(options: argparse.Namespace) -> str:
    """Clients are compared against our server, as the fastest: behind a slow one all clients look alike."""
    server = SharedServer(["bridge-async", *_server_options(options)])
    try:
        server.acquire()
    except (Absent, RuntimeError, TimeoutError):
        # Its own scenario says what is wrong with it.
        return "grpc-aio"
    finally:
        server.release()
    return "bridge-async"


def _server_options(options: argparse.Namespace) -> list[str]:
    return ["--messages", options.messages, "--loop", options.loop]


def _client_options(options: argparse.Namespace) -> list[str]:
    return [*_server_options(options), "--payload", str(options.payload)]


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("unary-client", "clients, one after the other against one server process", _unary_client),
        Scenario(
            "unary-server", "servers, each in a process of its own, driven by one client", _unary_server
        ),
        Scenario("unary-both", "both ends of one kind", _unary_both),
    )
}
