"""Unary calls: clients, servers, and both ends of one kind."""

from __future__ import annotations

import argparse

from .base import (
    BOTH,
    CLIENTS,
    SERVERS,
    Case,
    both_ends,
    fast_server,
    one_light_client,
    one_server,
)


def clients(options: argparse.Namespace) -> list[Case]:
    cases = []
    kind = fast_server(options)
    for concurrency in (1, 16, 128):
        contenders = one_server(options, CLIENTS, {"shape": "unary", "concurrency": concurrency})
        title = f"unary, concurrency {concurrency}{_threads(concurrency)}, server {kind}"
        cases.append(Case(f"unary-client/{concurrency}", title, contenders, ends=("client",)))
    return cases


def servers(options: argparse.Namespace) -> list[Case]:
    cases = []
    for concurrency in (1, 64):
        load = {"shape": "unary", "concurrency": concurrency}
        contenders = [one_light_client(options, who, load) for who in SERVERS]
        title = f"unary, concurrency {concurrency}, light client"
        cases.append(Case(f"unary-server/{concurrency}", title, contenders, ends=("server",)))
    return cases


def both(options: argparse.Namespace) -> list[Case]:
    load = {"shape": "unary", "concurrency": 64}
    contenders = [both_ends(options, who, load) for who in BOTH]
    title = f"unary, concurrency 64{_threads(64)}"
    return [Case("unary-both/64", title, contenders, ends=("client", "server"))]


def _threads(concurrency: int) -> str:
    return " (sync clients: 16 threads)" if concurrency > 16 else ""
