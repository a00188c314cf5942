"""The codemod on a large code base, against the least that any codemod must do.

Each run is held against a floor in as many processes as the run itself works in. A cold run reads and
rewrites in as many as there are processors; a cached one finds nothing left to do so with, and starts none.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from grpc_bridge.codemod import workers

from ..codemod_tree import make
from ..measure import Contender, Figure, Sample
from .base import Case

_TIMEOUT = 900.0
_TOP = Path(__file__).resolve().parents[2]

_SECONDS = Figure("time", "s", lambda sample: sample.seconds, 2, True)
_LINES = Figure("rate", "lines/s", lambda sample: sample.rate)
_FLOOR = "the floor"
_FLOOR_ALONE = "the floor, one process"


class _Ground:
    """The tree, grown when somebody first stands on it and cut down when the last has left."""

    lines = 0
    """How many there are, which is a little more than was asked for."""

    def __init__(self, lines: int) -> None:
        self._wanted = lines
        self._users = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._kept: dict[Path, tuple[bytes, os.stat_result]] = {}

    def acquire(self) -> None:
        self._users += 1
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="bench-codemod-")
            self.lines = make(self.root, self._wanted)
            self._kept = {file: (file.read_bytes(), file.stat()) for file in self.named("client.py")}

    @property
    def root(self) -> Path:
        return self.beside("tree")

    def beside(self, name: str) -> Path:
        """A path outside the tree that goes with it."""
        assert self._folder is not None
        return Path(self._folder.name) / name

    def named(self, name: str) -> list[Path]:
        """The files of a name. Every `client.py` has to change, and nothing else."""
        return sorted(self.root.rglob(name))

    def restore(self) -> None:
        """Undo what a run has written, which must be every file that has to change."""
        changed = 0
        for file, (data, stat) in self._kept.items():
            if file.read_bytes() != data:
                changed += 1
                file.write_bytes(data)
                os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        if changed != len(self._kept):
            raise RuntimeError(f"{changed} files were changed, not {len(self._kept)}")

    def release(self) -> None:
        self._users -= 1
        if not self._users and self._folder is not None:
            self._folder.cleanup()
            self._folder = None
            self._kept.clear()


class _Command:
    """A command that runs once for each sample; starting the interpreter is part of it."""

    name: str
    against: str | None

    def __init__(self, ground: _Ground) -> None:
        self._ground = ground

    def start(self, seconds: float) -> None:
        self._ground.acquire()

    def stop(self) -> None:
        self._ground.release()

    def _timed(self, arguments: Sequence[str]) -> Sample:
        before, start = os.times(), time.perf_counter()
        process = subprocess.run(
            [sys.executable, "-m", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=_TOP,
            timeout=_TIMEOUT,
        )
        elapsed, after = time.perf_counter() - start, os.times()
        if process.returncode:
            raise RuntimeError(f"{arguments[0]} ended with {process.returncode}: {process.stderr[-300:]}")
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return Sample(self._ground.lines, elapsed, {"command": cpu})


class Floor(_Command):
    against = None

    def __init__(self, ground: _Ground, processes: int) -> None:
        super().__init__(ground)
        self.name = _FLOOR if processes > 1 else _FLOOR_ALONE
        self._processes = processes

    def start(self, seconds: float) -> None:
        super().start(seconds)
        changed = [str(file) for file in self._ground.named("client.py")]
        called = [str(file) for file in self._ground.named("common.py")]
        generated = [str(file) for file in self._ground.named("*_pb2_grpc.py")]
        listed = {"candidates": [*changed, *called, *generated], "changed": changed}
        self._ground.beside("list.json").write_text(json.dumps(listed), encoding="utf-8")
        self.run(0)

    def run(self, seconds: float) -> Sample:
        return self._timed(["bench.floor", str(self._ground.beside("list.json")), str(self._processes)])


class Codemod(_Command):
    """A run that writes; what it has written is undone, outside the measure."""

    def __init__(self, ground: _Ground, floor: Floor, cached: bool) -> None:
        super().__init__(ground)
        self.against = floor.name
        self._cached = cached
        self.name = "codemod, cached" if cached else "codemod, cold"

    def start(self, seconds: float) -> None:
        super().start(seconds)
        self._cache = self._ground.beside(self.name)
        if self._cached:
            self.run(0)

    def run(self, seconds: float) -> Sample:
        if not self._cached:
            shutil.rmtree(self._cache, ignore_errors=True)
        options = ["--quiet", f"--cache-dir={self._cache}"]
        sample = self._timed(["grpc_bridge.codemod", *options, str(self._ground.root)])
        self._ground.restore()
        return sample


def codemod(options: argparse.Namespace) -> list[Case]:
    ground = _Ground(options.lines)
    processes = workers.count(None)
    alone = Floor(ground, 1)
    floor = Floor(ground, processes) if processes > 1 else alone
    runs = [Codemod(ground, floor, cached=False), Codemod(ground, alone, cached=True)]
    contenders: list[Contender] = [*([floor] if floor is not alone else []), alone, *runs]
    title = (
        f"a tree of {options.lines:,} lines, one file in fifty concerned; start of the interpreter included"
    )
    return [Case("codemod", title, contenders, (_SECONDS, _LINES), ("command",))]
