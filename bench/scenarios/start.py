"""What is paid once: the import, the first call of a process, a channel."""

from __future__ import annotations

import argparse

from ..contenders import SharedServer
from ..measure import MILLISECONDS, Figure, Sample
from ..workers import Worker
from .base import CLIENTS, Case, Who, fast_server, one_server, server_options

_IMPORTS = (
    Who("import grpc", "grpcio-sync"),
    Who("import grpclib", "grpclib", "import grpc"),
    Who("import connectrpc", "connectrpc", "import grpc"),
    Who("import grpc_bridge", "bridge-async", "import grpc"),
)
_CHANNELS = Figure("rate", "channels/s", lambda sample: sample.rate)


class Fresh:
    """A new process for each sample."""

    def __init__(self, who: Who, what: str, server: SharedServer | None = None) -> None:
        self.name = who.name
        self.against = who.against
        self._arguments = [what, who.kind]
        self._server = server
        self._port: int | None = None

    def start(self, seconds: float) -> None:
        if self._server is not None:
            self._port = self._server.acquire()
        self.run(0)

    def run(self, seconds: float) -> Sample:
        target = [] if self._port is None else [f"127.0.0.1:{self._port}"]
        worker = Worker("bench.fresh", [*self._arguments, *target])
        answer = worker.hello
        worker.stop()
        return Sample(1, answer["elapsed"], {"client": answer["cpu"]})

    def stop(self) -> None:
        if self._server is not None:
            self._server.release()


def imports(options: argparse.Namespace) -> list[Case]:  # noqa: ARG001
    contenders = [Fresh(who, "import") for who in _IMPORTS]
    return [Case("import", "import in a new process", contenders, (MILLISECONDS,), ("client",))]


def first_call(options: argparse.Namespace) -> list[Case]:
    server = SharedServer([fast_server(options), *server_options(options)])
    contenders = [Fresh(who, "first-call", server) for who in CLIENTS]
    title = "a new process's first channel and call, after the import"
    return [Case("first-call", title, contenders, (MILLISECONDS,), ("client",))]


def channels(options: argparse.Namespace) -> list[Case]:
    titles = {
        "channel": "channel and stub made, channel closed, one after the other",
        "first call": "the same, with one unary call in between",
    }
    return [
        Case(
            f"channels/{shape}",
            title,
            one_server(options, CLIENTS, {"shape": shape, "concurrency": 1}),
            (_CHANNELS,),
            ("client",),
        )
        for shape, title in titles.items()
    ]
