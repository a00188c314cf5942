"""The codemod on a large code base, against the least that any codemod must do."""

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

from ..measure import Absent, Figure, Sample
from ..tree import Tree, grow
from .base import Case

_TIMEOUT = 900.0
_TOP = Path(__file__).resolve().parents[2]

_SECONDS = Figure("time", "s", lambda sample: sample.seconds, 2, True)
_LINES = Figure("rate", "lines/s", lambda sample: sample.rate)
_FLOOR = "the floor"


class _Ground:
    """The tree, grown when somebody first stands on it and cut down when the last has left."""

    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._users = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._kept: dict[Path, tuple[bytes, os.stat_result]] = {}

    def acquire(self) -> Tree:
        self._users += 1
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="bench-codemod-")
            self.tree = grow(Path(self._folder.name) / "tree", self._lines)
            self._kept = {file: (file.read_bytes(), file.stat()) for file in self.tree.concerned}
        return self.tree

    def beside(self, name: str) -> Path:
        """A path outside the tree that goes with it."""
        assert self._folder is not None
        return Path(self._folder.name) / name

    def restore(self) -> int:
        """Undo what a run has written; how many files that was."""
        changed = 0
        for file, (data, stat) in self._kept.items():
            if file.read_bytes() != data:
                changed += 1
                file.write_bytes(data)
                os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        return changed

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
        return Sample(self._ground.tree.lines, elapsed, {"command": cpu})


class Floor(_Command):
    name = _FLOOR
    against = None

    def start(self, seconds: float) -> None:
        super().start(seconds)
        tree = self._ground.tree
        changed = [str(file) for file in tree.concerned]
        listed = {"candidates": [*changed, *map(str, tree.generated)], "changed": changed}
        self._ground.beside("list.json").write_text(json.dumps(listed), encoding="utf-8")
        self.run(0)

    def run(self, seconds: float) -> Sample:
        return self._timed(["bench.floor", str(self._ground.beside("list.json"))])


class Codemod(_Command):
    """A run that writes; what it has written is undone, outside the measure."""

    against = _FLOOR

    def __init__(self, ground: _Ground, cached: bool) -> None:
        super().__init__(ground)
        self._cached = cached
        self.name = "codemod, cached" if cached else "codemod, cold"

    def start(self, seconds: float) -> None:
        super().start(seconds)
        self._cache = self._ground.beside(f"cache-{self._cached}")
        self._can_cache = "--cache" in _help()
        if self._cached:
            if not self._can_cache:
                raise Absent("this codemod keeps nothing from run to run")
            self.run(0)

    def run(self, seconds: float) -> Sample:
        if not self._cached:
            shutil.rmtree(self._cache, ignore_errors=True)
        options = ["--quiet", *(["--cache", str(self._cache)] if self._can_cache else [])]
        sample = self._timed(["grpc_bridge.codemod", *options, str(self._ground.tree.root)])
        changed, expected = self._ground.restore(), len(self._ground.tree.concerned)
        if changed != expected:
            raise RuntimeError(f"{changed} files were changed, not {expected}")
        return sample


def _help() -> str:
    return subprocess.run(
        [sys.executable, "-m", "grpc_bridge.codemod", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=_TOP,
        timeout=_TIMEOUT,
    ).stdout


def codemod(options: argparse.Namespace) -> list[Case]:
    ground = _Ground(options.lines)
    contenders = [Floor(ground), Codemod(ground, cached=False), Codemod(ground, cached=True)]
    title = (
        f"a tree of {options.lines:,} lines, one file in fifty concerned; start of the interpreter included"
    )
    return [Case("codemod", title, contenders, (_SECONDS, _LINES), ("command",))]
