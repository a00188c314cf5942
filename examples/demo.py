"""Migrate the legacy application and show that it still does the same.

Run by ``make demo``. Four steps: the application as it is, on grpcio; the codemod, on a copy;
the migrated copy, on grpc_bridge; the two outputs beside each other. Everything that was run
and printed is kept under ``build/demo/``. Exit status 0 means that the outputs are equal and
nothing else went wrong either.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import itertools
import os
import re
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
LEGACY = ROOT / "examples" / "legacy"
BUILD = ROOT / "build" / "demo"

# The median of so many runs is the time that we show; each of them has to print the same.
RUNS = 3
RUN_TIMEOUT = 90.0
CODEMOD_TIMEOUT = 120.0
TESTS_TIMEOUT = 180.0
# What a group of processes gets between SIGTERM and SIGKILL.
STOP_TIMEOUT = 5.0

DIFF_LINES = 70
REPORT_LINES = 40
STDERR_LINES = 25
# A line of the side by side table when the output is no terminal.
PLAIN_WIDTH = 170

PYTEST = ("-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider", "tests")
# The loop scope is pytest-asyncio's default of tomorrow; unset, it warns.
PYTEST_MIGRATED = (*PYTEST, "-o", "asyncio_default_fixture_loop_scope=function")


# --- running commands ------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What became of one command."""

    command: str
    status: int
    stdout: str
    stderr: str
    seconds: float
    log: Path
    complaint: str = ""

    @property
    def ok(self) -> bool:
        return self.status == 0 and not self.complaint

    def why(self) -> str:
        """One line for the list of problems."""
        if self.complaint or self.status >= 0:
            return self.complaint or f"exit status {self.status}"
        return f"killed by {signal.Signals(-self.status).name}"


def _group_is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS says so of a group whose last member is a zombie.
        return False
    return True


def _wait_for_group(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether every process of the group ended within ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        process.poll()
        if not _group_is_alive(process.pid):
            return True
        time.sleep(0.02)
    return False


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started: politely first, so that it can clean up."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        if _wait_for_group(process, STOP_TIMEOUT):
            break
    process.wait(STOP_TIMEOUT)


def run_command(arguments: Sequence[str], *, cwd: Path, log: Path, timeout: float) -> Outcome:
    """Run ``python arguments`` in a process group that does not outlive this call.

    Output goes to ``log`` with ``.out`` and ``.err``: files cannot fill up and block as pipes do,
    and they stay for whoever has to find out what went wrong.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    out, err = log.with_name(log.name + ".out"), log.with_name(log.name + ".err")
    command = [sys.executable, *arguments]
    # Byte code beside the sources would show up as a change made by the codemod.
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
    complaint = ""
    started = time.perf_counter()
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
            start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(timeout)
            seconds = time.perf_counter() - started
            if not _wait_for_group(process, 1.0):
                complaint = "left processes running (ended now)"
        except subprocess.TimeoutExpired:
            seconds = time.perf_counter() - started
            complaint = f"not done after {timeout:.0f} s (ended)"
        finally:
            if process.poll() is None or complaint:
                _end_group(process)
    return Outcome(
        command=shlex.join(["python", *arguments]),
        status=process.returncode,
        stdout=out.read_text("utf-8", "replace"),
        stderr=err.read_text("utf-8", "replace"),
        seconds=seconds,
        log=log,
        complaint=complaint,
    )


# --- the application and its copies ----------------------------------------------------------


def copy_application(target: Path) -> Path:
    """A fresh copy of the legacy application."""
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(LEGACY, target, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    return target


def snapshot(folder: Path) -> dict[str, str]:
    """The content of every file, as a hash by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"__pycache__", ".pytest_cache"} & set(path.parts)
    }


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Files that are new, gone or different."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def is_generated(name: str) -> bool:
    return name.endswith(("_pb2.py", "_pb2_grpc.py"))


def still_on_grpcio(folder: Path) -> list[str]:
    """Hand-written files that import plain grpc."""
    plain = re.compile(r"^\s*(import grpc\b|from grpc(\.\S+)? import\b)", re.MULTILINE)
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if not is_generated(path.name) and plain.search(path.read_text("utf-8"))
    )


# --- showing -------------------------------------------------------------------------------


class Page:
    """What the reader sees; colours on a terminal only."""

    def __init__(self) -> None:
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._sections = itertools.count(1)
        self.problems: list[str] = []

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text

    def width(self) -> int:
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else PLAIN_WIDTH

    def line(self, text: str = "") -> None:
        print(text, flush=True)

    def section(self, title: str) -> None:
        heading = f"{next(self._sections)}. {title}"
        self.line()
        self.line(self.paint(heading, "1"))
        self.line(self.paint("=" * len(heading), "1"))

    def good(self, text: str) -> None:
        self.line(f"  {self.paint('ok', '32')}    {text}")

    def bad(self, text: str, *where: Path) -> None:
        places = ", ".join(str(path.relative_to(ROOT)) for path in where)
        problem = f"{text} (see {places})" if places else text
        self.problems.append(problem)
        self.line(f"  {self.paint('FAIL', '31;1')}  {problem}")

    def excerpt(self, text: str, limit: int, whole: Path, *, diff: bool = False) -> None:
        lines = text.splitlines()
        for line in lines[:limit]:
            colour = {"+": "32", "-": "31", "@": "36"}.get(line[:1]) if diff else None
            self.line("  | " + (self.paint(line, colour) if colour else line))
        if len(lines) > limit:
            self.line(f"  | ... {len(lines) - limit} more lines")
        self.line(f"  the whole: {whole.relative_to(ROOT)}")

    def failed(self, what: str, outcome: Outcome) -> None:
        """A command that did not do its job, with the end of what it said."""
        out, err = (outcome.log.with_name(outcome.log.name + end) for end in (".out", ".err"))
        self.bad(f"{what}: {outcome.why()}, `{outcome.command}`", out, err)
        lines = (outcome.stderr.strip() or outcome.stdout.strip()).splitlines()
        # A crash is told by the stack of the thread that had it, anything else by its last lines.
        crash = next((at for at, line in enumerate(lines) if line.startswith("Current thread")), None)
        telling = lines[-STDERR_LINES:] if crash is None else lines[crash : crash + STDERR_LINES]
        for line in telling:
            self.line(f"        {line}")


def side_by_side(page: Page, left: str, right: str) -> None:
    """Both outputs, line by line; a line that differs is marked with ``!=``."""
    lefts, rights = left.splitlines(), right.splitlines()
    longest = max(map(len, lefts + rights), default=0)
    column = max(20, min(longest, (page.width() - 8) // 2))

    def fit(line: str) -> str:
        return (line if len(line) <= column else line[: column - 1] + "~").ljust(column)

    page.line(
        "  " + page.paint(f"{fit('grpcio, as it was')}    {fit('grpc_bridge, migrated')}".rstrip(), "1")
    )
    page.line(f"  {'-' * column}    {'-' * column}")
    for one, other in itertools.zip_longest(lefts, rights):
        same = one == other
        row = f"  {fit(one or '')} {'  ' if same else '!='} {fit(other or '')}".rstrip()
        page.line(row if same else page.paint(row, "31"))


def last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "(nothing)")


# --- the steps -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Performance:
    """What an application printed, and how long it took."""

    stdout: str
    seconds: float
    times: tuple[float, ...]


def perform(page: Page, application: Path, name: str, pytest: Sequence[str]) -> Performance | None:
    """Run an application several times, then its tests."""
    page.line(f"  $ cd {application.relative_to(ROOT)} && python run.py     ({RUNS} times)")
    outcomes: list[Outcome] = []
    for number in range(1, RUNS + 1):
        outcome = run_command(
            ["run.py"], cwd=application, log=BUILD / f"{name}-run{number}", timeout=RUN_TIMEOUT
        )
        outcomes.append(outcome)
        if not outcome.ok:
            page.failed(f"the {name} application", outcome)
            break
    else:
        if len({outcome.stdout for outcome in outcomes}) == 1:
            lines = len(outcomes[0].stdout.splitlines())
            page.good(f"it printed the same {lines} lines every time")
        else:
            logs = [BUILD / f"{name}-run{number}.out" for number in range(1, RUNS + 1)]
            page.bad(f"the {name} application does not print the same every time", *logs)
    page.line("  $ python -m pytest tests")
    tests = run_command(pytest, cwd=application, log=BUILD / f"{name}-tests", timeout=TESTS_TIMEOUT)
    if tests.ok:
        page.good(f"its own tests: {last_line(tests.stdout)}")
    else:
        page.failed(f"the {name} application's tests", tests)
    completed = [outcome for outcome in outcomes if outcome.ok]
    if not completed:
        return None
    times = tuple(outcome.seconds for outcome in completed)
    return Performance(completed[0].stdout, statistics.median(times), times)


def legacy_step(page: Page) -> Performance | None:
    page.section("The legacy application on grpcio")
    application = copy_application(BUILD / "legacy")
    performance = perform(page, application, "legacy", (*PYTEST, "-p", "no:asyncio"))
    expected = (LEGACY / "expected_output.txt").read_text("utf-8")
    if performance is not None and performance.stdout != expected:
        page.bad(
            "the legacy application does not print what it should",
            BUILD / "legacy-run1.out",
            LEGACY / "expected_output.txt",
        )
    return performance


def codemod(application: Path, log: str, *options: str) -> Outcome:
    arguments = ["-m", "grpc_bridge.codemod", *options, application.name]
    return run_command(arguments, cwd=application.parent, log=BUILD / log, timeout=CODEMOD_TIMEOUT)


def show_difference(page: Page, application: Path, before: dict[str, str]) -> None:
    """What the codemod would do, and that asking does nothing."""
    page.line("  $ python -m grpc_bridge.codemod --diff migrated")
    outcome = codemod(application, "codemod-diff", "--diff")
    if not outcome.stdout.strip():
        page.failed("codemod --diff showed no difference", outcome)
        return
    whole = BUILD / "migration.diff"
    whole.write_text(outcome.stdout, "utf-8")
    lines = outcome.stdout.splitlines()
    added = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("---") for line in lines)
    files = sum(line.startswith("+++") for line in lines)
    page.excerpt(outcome.stdout, DIFF_LINES, whole, diff=True)
    awaits = sum(bool(re.match(r"\+.*\b(await|async for|async with)\b", line)) for line in lines)
    page.line(f"  {files} files, {added} lines in, {removed} lines out; {awaits} of the new lines await")
    if not awaits:
        page.bad("codemod --diff makes nothing asynchronous", whole)
    # Differences were found, so 1 is as good an answer as 0.
    if outcome.status not in (0, 1) or outcome.complaint:
        page.failed("codemod --diff", outcome)
    touched = changed(before, snapshot(application))
    if touched:
        page.bad(f"--diff wrote to {', '.join(touched)}", application)


def migrate_step(page: Page) -> Path | None:
    """The migrated copy, or None if there is nothing to run."""
    page.section("The codemod on a copy")
    application = copy_application(BUILD / "migrated")
    before = snapshot(application)
    show_difference(page, application, before)

    page.line()
    page.line("  $ python -m grpc_bridge.codemod migrated")
    outcome = codemod(application, "codemod")
    report = BUILD / "report.txt"
    report.write_text(outcome.stdout + outcome.stderr, "utf-8")
    if not outcome.ok:
        page.failed("the codemod", outcome)
    page.excerpt(report.read_text("utf-8"), REPORT_LINES, report)
    after = snapshot(application)
    touched = changed(before, after)
    if not touched:
        page.bad("the codemod changed nothing", report)
        return None
    page.good(f"{len(touched)} files changed in {outcome.seconds:.1f} s")
    generated = [name for name in touched if is_generated(name)]
    if generated:
        page.bad(f"the codemod changed generated code: {', '.join(generated)}", application)
    on_grpcio = still_on_grpcio(application)
    if on_grpcio:
        page.bad(f"still on plain grpc: {', '.join(on_grpcio)}", application)

    again = codemod(application, "codemod-again")
    touched = changed(after, snapshot(application))
    if not again.ok:
        page.failed("the second run of the codemod", again)
    elif touched:
        page.bad(f"a second run changed {', '.join(touched)}", BUILD / "codemod-again.err", application)
    else:
        page.good("a second run changes nothing")
    check = codemod(application, "codemod-check", "--check")
    if check.ok:
        page.good("--check agrees")
    else:
        page.failed("--check on the migrated copy", check)
    return application


def migrated_step(page: Page, application: Path) -> Performance | None:
    page.section("The migrated application on grpc_bridge")
    return perform(page, application, "migrated", PYTEST_MIGRATED)


def compare_step(page: Page, legacy: Performance | None, migrated: Performance | None) -> None:
    page.section("The two outputs")
    if legacy is None or migrated is None:
        which = "legacy" if legacy is None else "migrated"
        page.bad(f"nothing to compare: the {which} application printed no complete output")
        return
    side_by_side(page, legacy.stdout, migrated.stdout)
    page.line()
    for name, performance in (("grpcio", legacy), ("grpc_bridge", migrated)):
        times = ", ".join(f"{seconds:.2f}" for seconds in performance.times)
        page.line(f"  {name:<12} {performance.seconds:6.2f} s   (median of {times}; start and stop included)")
    if legacy.stdout == migrated.stdout:
        page.good("the outputs are equal, to the byte")
        return
    pairs = itertools.zip_longest(legacy.stdout.splitlines(), migrated.stdout.splitlines())
    first = next((number for number, (one, other) in enumerate(pairs, 1) if one != other), 0)
    page.bad(
        f"the outputs differ, first in line {first}",
        BUILD / "legacy-run1.out",
        BUILD / "migrated-run1.out",
        BUILD / "migrated-run1.err",
    )


def verdict(page: Page) -> int:
    page.section("Verdict")
    if not page.problems:
        page.line(page.paint("  The migrated application does what the legacy application did.", "32;1"))
        return 0
    page.line(page.paint(f"  {len(page.problems)} thing(s) went wrong:", "31;1"))
    for problem in page.problems:
        page.line(f"  - {problem}")
    return 1


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does: by way of every ``finally``."""

    def interrupt(_signum: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def missing_modules() -> list[str]:
    wanted = ("grpc", "google.protobuf", "grpc_bridge", "pytest", "pytest_asyncio")
    missing = []
    for name in wanted:
        try:
            found = importlib.util.find_spec(name) is not None
        except ModuleNotFoundError:
            found = False
        if not found:
            missing.append(name)
    return missing


def main() -> int:
    missing = missing_modules()
    if missing:
        print(
            f"demo: cannot import {', '.join(missing)}; `make demo` installs what it needs", file=sys.stderr
        )
        return 2
    page = Page()
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    with terminable():
        try:
            legacy = legacy_step(page)
            application = migrate_step(page)
            migrated = migrated_step(page, application) if application is not None else None
            compare_step(page, legacy, migrated)
            return verdict(page)
        except KeyboardInterrupt:
            print("\ndemo: interrupted; everything that it started has been stopped", file=sys.stderr)
            return 130


if __name__ == "__main__":
    sys.exit(main())
