"""Servers under a load generator that is not ours: h2load, of nghttp2."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..contenders import SharedServer
from ..measure import Absent, Sample
from ..messages import codec, method
from .base import SERVERS, Case, Who, server_options

_CONCURRENCY = 64
_SECONDS_MORE = 20.0
_DONE = re.compile(r"^requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded", re.MULTILINE)
_FINISHED = re.compile(r"^finished in ([\d.]+)(us|ms|s),", re.MULTILINE)
_DATA = re.compile(r"^traffic: .*\((\d+)\) data$", re.MULTILINE)
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


class H2load:
    """h2load on one connection to a server."""

    def __init__(self, who: Who, server: Sequence[str], request: bytes) -> None:
        self.name = who.name
        self.against = who.against
        self._server = SharedServer([who.kind, *server])
        self._message = b"\0" + struct.pack(">I", len(request)) + request
        self._port = 0
        self._calls_per_second = 0.0

    def start(self, seconds: float) -> None:
        if shutil.which("h2load") is None:
            raise Absent("h2load is not on PATH (Debian has it in nghttp2-client)")
        self._port = self._server.acquire()
        self._calls_per_second = self._load(2000).rate

    def run(self, seconds: float) -> Sample:
        # By number: cut off by time, h2load does not say how many of the calls in flight were answered.
        return self._load(max(_CONCURRENCY, int(self._calls_per_second * seconds)))

    def _load(self, calls: int) -> Sample:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "request"
            file.write_bytes(self._message)
            before, used = self._server.cpu(), os.times()
            command = ["h2load", "-n", str(calls), "-c", "1", "-m", str(_CONCURRENCY), "-d", str(file)]
            command += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
            output = subprocess.run(
                [*command, f"http://127.0.0.1:{self._port}{method('Unary')}"],
                capture_output=True,
                text=True,
                check=True,
                timeout=_SECONDS_MORE,
            ).stdout
            server, now = self._server.cpu() - before, os.times()
        client = now.children_user + now.children_system - used.children_user - used.children_system
        return Sample(*self._counted(output), {"client": client, "server": server})

    def _counted(self, output: str) -> tuple[int, float]:
        """How many calls were answered, and in how many seconds."""
        requests, finished, data = (pattern.search(output) for pattern in (_DONE, _FINISHED, _DATA))
        if requests is None or finished is None or data is None:
            raise RuntimeError(f"h2load said what is not understood: {output[-200:]!r}")
        total, done, succeeded = map(int, requests.groups())
        # A call that failed has a status 200 and no message.
        if not total == done == succeeded or int(data[1]) != total * len(self._message):
            raise RuntimeError(f"of {total} calls {succeeded} succeeded, with {data[1]} bytes of messages")
        return total, float(finished[1]) * _UNITS[finished[2]]

    def stop(self) -> None:
        if self._port:
            self._server.release()
            self._port = 0


def h2load(options: argparse.Namespace) -> list[Case]:
    request = codec(options.messages).request_bytes(options.payload)
    contenders = [H2load(who, server_options(options), request) for who in SERVERS]
    title = f"unary, concurrency {_CONCURRENCY}, h2load"
    return [Case("h2load", title, contenders, ends=("server",))]
