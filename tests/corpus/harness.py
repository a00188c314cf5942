"""Runs a program of the corpus as tests/sync_parity runs a scenario, and reads what it says of itself.

A program is one file, or a folder whose `main.py` has the `main(record)` and whose other modules it imports.
One that has a main guard is run as a script, and what it prints is what was observed.
Its first lines say what the migration has to make of it:

    # shape: the number in the list of real code's shapes, or a word for a construct of another kind
    # async: every function that is a coroutine afterwards, by its qualified name
    # stays: every function of which a person is told that it waits and stays sync
    # cuts: the rule of every finding that a person is left with
    # warns: the warning that it gives once it is migrated, where what cannot await holds up a loop
    # keep_sync: functions that the user wants left alone
    # outside: those of its files that are not in the run
"""

from __future__ import annotations

import ast
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import types
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grpc_bridge.codemod.findings import Finding
from grpc_bridge.codemod.options import Options
from grpc_bridge.codemod.runner import Result, migrate, write

from ..sync_parity.legs import COROUTINE, GRPCIO, ROOT, TIMEOUT, Run, execute
from ..sync_parity.record import Observation
from .blocking import watched

PROGRAMS = Path(__file__).parent / "programs"
BUILD = ROOT / "build" / "sync_parity"
MAIN = "main.py"
LINE_LENGTH = 110

_IMPORT = re.compile(r"^( *)import grpc( as \w+)?$", re.MULTILINE)
_FROM_IMPORT = re.compile(r"^( *)from grpc import ", re.MULTILINE)
_WARNING = re.compile(r"^\S+:\d+: (\w+Warning): .*\n  .*\n", re.MULTILINE)
"""What and where, and the line of the program."""
LINES = ("async", "stays", "cuts", "warns", "keep_sync", "outside")
_HEADER = re.compile(rf"^# (shape|{'|'.join(LINES)}): ?(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Expected:
    shape: str
    coroutines: list[str]
    stays: list[str]
    cuts: list[str]
    warns: list[str]
    keep_sync: list[str]
    outside: list[str]


@dataclass(frozen=True)
class Migrated:
    """What the codemod made of a program: its files, and what a person is told."""

    sources: Mapping[str, str]
    result: Result
    again: Result
    """Of a second run, over what the first one wrote."""

    @property
    def coroutines(self) -> list[str]:
        return sorted(name for text in self.sources.values() for name in coroutine_functions(text))

    @property
    def told(self) -> list[Finding]:
        return [finding for finding in self.result.findings if finding.kind == "cut"]

    @property
    def stays(self) -> list[str]:
        return sorted(
            {m[1] for finding in self.told if (m := re.match(r"(.+?) stays sync: ", finding.message))}
        )

    @property
    def cuts(self) -> list[str]:
        return sorted({finding.rule for finding in self.told})


def program_names() -> list[str]:
    return sorted(path.stem for path in PROGRAMS.iterdir() if path.name != "__pycache__")


def sources_of(name: str) -> dict[str, str]:
    """The program's files, by their place in its folder; a program of one file has it as `main.py`."""
    single = PROGRAMS / f"{name}.py"
    if single.is_file():
        return {MAIN: single.read_text(encoding="utf-8")}
    folder = PROGRAMS / name
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.py*"))
        if path.suffix in (".py", ".pyi")
    }


def expected(name: str) -> Expected:
    found = dict(_HEADER.findall(sources_of(name)[MAIN]))
    return Expected(found["shape"], *(sorted(found.get(line, "").split()) for line in LINES))


@functools.cache
def migrated(name: str) -> Migrated:
    # In a project of its own, so that the codemod sees of ours no more than of an installed package.
    with tempfile.TemporaryDirectory() as place:
        folder = _write(sources_of(name), Path(place) / name)
        # With a formatter, as real ones have.
        (folder / "pyproject.toml").write_text(f"[tool.ruff]\nline-length = {LINE_LENGTH}\n")
        wanted = expected(name)
        options = Options(
            keep_sync=frozenset(wanted.keep_sync), exclude=tuple(f"/{path}" for path in wanted.outside)
        )
        first = migrate([folder], options)
        if first.failed:
            raise ValueError(f"the codemod failed: {first.failed}")
        write(first)
        second = migrate([folder], options)
        after = {path: (folder / path).read_text(encoding="utf-8") for path in sources_of(name)}
    return Migrated(after, first, second)


def run(name: str, leg: str) -> Run:
    """One run of the program; blocking calls on a loop count as complaints."""
    sources = dict(migrated(name).sources) if leg == COROUTINE else sources_of(name)
    if leg not in (GRPCIO, COROUTINE):
        sources = {path: in_threads(text) for path, text in sources.items()}
    folder = _write(sources, BUILD / leg / "corpus" / name)
    warns = expected(name).warns if leg == COROUTINE else []
    if is_script(sources[MAIN]):
        return _run_script(folder / MAIN, leg, warns)

    def allow(module: types.ModuleType) -> None:
        # Where it is right that main stays as it was, it runs where it may block.
        if "main" not in migrated(name).coroutines:
            vars(module)["STAYS_SYNC"] = "corpus"

    with _importable(folder), watched(str(folder)) as blocking:
        outcome = execute(sources[MAIN], f"corpus/{name}/main", leg, before_main=allow)
    # Before the migration a program may do to its loops what it likes.
    found = blocking if leg == COROUTINE else ()
    return Run(leg, outcome.observations, outcome.failure, (*outcome.complaints, *found))


def is_script(source: str) -> bool:
    return '__name__ == "__main__"' in source


def _run_script(path: Path, leg: str, warns: Collection[str]) -> Run:
    # asyncio's debug mode would complain of a busy machine, and C-core would tell how connections end.
    told = {
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "always",
        "PYTHONASYNCIODEBUG": "",
        "GRPC_VERBOSITY": "NONE",
    }
    environment = {**os.environ, **told}
    command = [sys.executable, "-X", "faulthandler", str(path)]
    try:
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        return Run(leg, (), f"still running after {TIMEOUT:g} s\n{error.stdout}\n{error.stderr}", ())
    lines = [Observation("printed", line) for line in ended.stdout.splitlines()]
    status = Observation("exit status", str(ended.returncode))
    expected_there = set(_WARNING.findall(ended.stderr)) == set(warns)
    rest = _WARNING.sub("", ended.stderr) if expected_there else f"warns: {warns}\n{ended.stderr}"
    return Run(leg, (*lines, status), None, (rest,) if rest else ())


def untidy(sources: Mapping[str, str]) -> set[str]:
    """What a formatter and a linter of imports would change of a program: files, and complaints."""
    with tempfile.TemporaryDirectory() as place:
        folder = _write(sources, Path(place))

        def ruff(*options: str) -> str:
            command = [sys.executable, "-m", "ruff", *options, "--isolated", f"--line-length={LINE_LENGTH}"]
            ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
            return ended.stdout

        complaints = ruff("check", "--select=I,F401", "--output-format=concise").splitlines()[:-1]
        ruff("format")
        changed = {path for path, text in sources.items() if (folder / path).read_text("utf-8") != text}
    # Lines move.
    return changed | {re.sub(r":\d+:\d+:", ":", line) for line in complaints}


@functools.cache
def cached_run(name: str, leg: str) -> Run:
    return run(name, leg)


def in_threads(text: str) -> str:
    """The program on grpc_bridge and otherwise as it was."""
    return _FROM_IMPORT.sub(
        r"\1from grpc_bridge import ",
        _IMPORT.sub(lambda m: f"{m[1]}import grpc_bridge{m[2] or ' as grpc'}", text),
    )


def coroutine_functions(text: str) -> Iterator[str]:
    """The qualified names of all `async def`s of a module."""

    def inside(node: ast.AST, prefix: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                yield from inside(child, f"{prefix}{child.name}.")
            elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if isinstance(child, ast.AsyncFunctionDef):
                    yield f"{prefix}{child.name}"
                yield from inside(child, f"{prefix}{child.name}.")
            else:
                yield from inside(child, prefix)

    return inside(ast.parse(text), "")


def awaits_under_locks(text: str) -> list[int]:
    """The lines at which a coroutine waits while it holds something that is named as locks are."""
    found: list[int] = []

    def inside(node: ast.AST, locked: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                inside(child, False)
                continue
            if locked and isinstance(child, (ast.Await, ast.AsyncFor, ast.AsyncWith)):
                found.append(child.lineno)
            takes = isinstance(child, ast.With) and any(
                re.search("lock|mutex|condition|semaphore", ast.unparse(item.context_expr).lower())
                for item in child.items
            )
            inside(child, locked or takes)

    inside(ast.parse(text), False)
    return found


def _write(sources: Mapping[str, str], folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in sources.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """The program's own modules can be imported, and are forgotten afterwards."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "") or "").startswith(str(folder)):
                del sys.modules[name]
