"""Ten thousand open streams on a server that have nothing to say."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from ..light_client import LightClient
from ..measure import Absent, Figure, Sample
from ..messages import codec, method
from ..workers import Worker
from .base import SERVERS, Case, Who, server_options

_FIRST = 200
"""Streams that come before the measure: they load code and make pools."""

_MEMORY = Figure("memory", "KiB/stream", lambda sample: sample.extra["rss"] / sample.count / 1024, 2, True)
_THREADS = Figure("threads", "threads", lambda sample: sample.extra["threads"], 0, True)
_RATE = Figure("rate", "opened/s", lambda sample: sample.rate)


class IdleStreams:
    """A server process, new for each sample, for memory that was freed is not given back."""

    def __init__(self, who: Who, arguments: Sequence[str], streams: int, request: bytes) -> None:
        self.name = who.name
        self.against = who.against
        self._arguments = [who.kind, *arguments]
        self._streams = streams
        self._request = request

    def start(self, seconds: float) -> None:
        server = Worker("bench.servers", self._arguments)
        try:
            if "rss" not in server.ask():
                raise Absent("resident memory and threads are read from /proc, which is not here")
            client = self._connect(server)
            client.open_streams(1)
            client.close()
            if client.most_streams < self._streams + _FIRST:
                raise Absent(f"it admits {client.most_streams} streams on a connection")
        finally:
            server.stop()

    def _connect(self, server: Worker) -> LightClient:
        return LightClient(f"127.0.0.1:{server.hello['port']}", method("Exchange"), self._request)

    def run(self, seconds: float) -> Sample:
        server = Worker("bench.servers", self._arguments)
        client = None
        try:
            client = self._connect(server)
            client.open_streams(min(_FIRST, self._streams))
            before, start = server.ask(), time.perf_counter()
            client.open_streams(self._streams)
            elapsed = time.perf_counter() - start
            after = server.ask()
        finally:
            if client is not None:
                client.close()
            server.stop()
        extra = {"rss": after["rss"] - before["rss"], "threads": after["threads"]}
        return Sample(self._streams, elapsed, {"server": after["cpu"] - before["cpu"]}, extra)

    def stop(self) -> None:
        pass


def idle(options: argparse.Namespace) -> list[Case]:
    request = codec(options.messages).request_bytes(options.payload)
    contenders = [
        IdleStreams(who, server_options(options), options.streams, request)
        for who in SERVERS
        # A server of threads would need one for each stream.
        if not who.kind.endswith("-sync")
    ]
    title = f"{options.streams:,} idle streams on one connection, each opened with a message and answered"
    return [Case("idle", title, contenders, (_MEMORY, _THREADS, _RATE))]
