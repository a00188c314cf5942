"""Where a process' CPU goes, by library: what is C-core's and the kernel's, and what could be ours to save.

`perf` samples one end while it is under load. Where it is not installed, or may not look, the table says so.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..contenders import RpcContender
from ..measure import Absent, Figure, Sample
from .base import Case, Who, both_ends, one_light_client, one_server

# The first that the name of a shared object contains says whose it is.
_OWNERS = (
    ("_cy/", "ours"),
    ("cygrpc", "c-core"),
    ("[kernel", "kernel"),
    ("[vdso]", "kernel"),
    ("libc.so", "libc"),
    ("libstdc++", "libc"),
    ("ld-linux", "libc"),
    ("", "python"),
)
_LINE = re.compile(r"^\s*([0-9.]+)%\s+(\S+)")
_HZ = 2000
# perf takes a moment to begin, and longer on a busy machine.
_LEAST_SECONDS = 0.5
_ATTEMPTS = 4


def _share(owner: str) -> Callable[[Sample], float]:
    return lambda sample: 100 * sample.extra.get(owner, 0.0)


_FIGURES = (
    Figure("c-core", "% C-core", _share("c-core"), 0, True),
    Figure("kernel", "% kernel", _share("kernel"), 0, True),
    Figure("python", "% Python", _share("python"), 0, True),
    Figure("ours", "% our Cython", _share("ours"), 0, True),
    Figure("libc", "% libc", _share("libc"), 0, True),
)


class Profiled:
    """One end of a contender, watched by perf while it works."""

    against = None

    def __init__(self, name: str, inner: RpcContender, end: str) -> None:
        self.name = name
        self._inner = inner
        self._end = end
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self, seconds: float) -> None:
        if shutil.which("perf") is None:
            raise Absent("perf is not installed")
        self._inner.start(seconds)
        self._folder = tempfile.TemporaryDirectory()

    def run(self, seconds: float) -> Sample:
        seconds = max(seconds, _LEAST_SECONDS)
        for _ in range(_ATTEMPTS):
            sample, report = self._watched(seconds)
            if found := shares(report):
                return Sample(sample.count, sample.seconds, sample.cpu, found)
            seconds *= 2
        raise RuntimeError("perf took no samples; may it watch other processes (kernel.perf_event_paranoid)?")

    def _watched(self, seconds: float) -> tuple[Sample, str]:
        assert self._folder is not None
        data = str(Path(self._folder.name, "perf.data"))
        process = self._inner.process(self._end)
        recorder = subprocess.Popen(
            ["perf", "record", "--quiet", f"--freq={_HZ}", f"--pid={process}", f"--output={data}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            sample = self._inner.run(seconds)
        finally:
            recorder.send_signal(signal.SIGINT)
            recorder.wait()
        report = subprocess.run(
            ["perf", "report", f"--input={data}", "--sort=dso", "--stdio", "--verbose"],
            capture_output=True,
            text=True,
            check=False,
        )
        return sample, report.stdout

    def stop(self) -> None:
        self._inner.stop()
        if self._folder is not None:
            self._folder.cleanup()


def shares(report: str) -> dict[str, float]:
    """Parts of one, by owner, from what `perf report --sort=dso --verbose` prints: full paths."""
    found: dict[str, float] = {}
    for line in report.splitlines():
        if match := _LINE.match(line):
            owner = next(owner for part, owner in _OWNERS if part in match[2])
            found[owner] = found.get(owner, 0.0) + float(match[1]) / 100
    return found


def where_it_goes(options: argparse.Namespace) -> list[Case]:
    contenders = [
        Profiled(f"{who.name} {what}", make(options, who, {"shape": shape, "concurrency": concurrency}), end)
        for what, make, shape, concurrency, end in (
            ("client, unary at 1", on_one_server, "unary", 1, "client"),
            ("client, unary at 128", on_one_server, "unary", 128, "client"),
            ("server, unary at 64", one_light_client, "unary", 64, "server"),
            ("client, ping-pong", both_ends, "exchange", 1, "client"),
            ("server, ping-pong", both_ends, "exchange", 1, "server"),
        )
        for who in (Who("grpc.aio", "grpc-aio"), Who("grpc_bridge", "bridge-async"))
    ]
    return [Case("shares", "shares of one end's CPU", contenders, _FIGURES)]


def on_one_server(options: argparse.Namespace, who: Who, load: dict[str, Any]) -> RpcContender:
    return one_server(options, [who], load)[0]
