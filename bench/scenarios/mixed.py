"""Programs that do more than one thing: both colours in one process, and loops that have other work."""

from __future__ import annotations

import argparse

from ..contenders import RpcContender, SharedServer
from ..loads import MIXED_THREADS
from ..measure import CALLS, Figure
from ..work import HANDLER, SLICE
from .base import CLIENTS, SERVERS, Case, Who, client_options, one_server, server_options

_TASKS = 100
_BY_THREADS = Figure("by threads", "threads' calls/s", lambda sample: sample.extra["by threads"])
_BY_TASKS = Figure("by tasks", "tasks' calls/s", lambda sample: sample.extra["by tasks"])

_MIXED = (
    Who("grpcio and grpc.aio, a channel each", "grpcio-mixed"),
    Who("grpc_bridge, one channel", "bridge-mixed", "grpcio and grpc.aio, a channel each"),
)


def mixed(options: argparse.Namespace) -> list[Case]:
    contenders = one_server(options, _MIXED, {"shape": "unary", "concurrency": _TASKS})
    title = f"unary, {MIXED_THREADS} threads and {_TASKS} tasks in one process"
    return [Case("mixed", title, contenders, (CALLS, _BY_THREADS, _BY_TASKS), ("client",))]


def busy(options: argparse.Namespace) -> list[Case]:
    clients = [who for who in CLIENTS if not who.kind.endswith("-sync")]
    load = {"shape": "unary", "concurrency": 16, "busy": True}
    client = Case(
        "busy/client",
        f"unary, concurrency 16, on a loop that works {SLICE * 1e3:g} ms at a time beside its calls",
        one_server(options, clients, load),
        ends=("client",),
    )
    contenders = [
        RpcContender(
            who.name,
            ["light", *client_options(options)],
            SharedServer([who.kind, *server_options(options)]),
            who.against,
            {"shape": "busy", "concurrency": 64},
        )
        for who in SERVERS
        if not who.kind.endswith("-sync")
    ]
    title = f"unary, concurrency 64, handlers that work {HANDLER * 1e6:g} us on their loop"
    return [client, Case("busy/server", title, contenders, ends=("server",))]
