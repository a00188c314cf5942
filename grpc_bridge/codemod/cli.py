"""The command line: `python -m grpc_bridge.codemod [options] PATH...`. Here alone things are printed."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from . import baseline, graph, report, rules, settings
from .discover import NoSuchPath, Unfinished, project
from .explain import explain
from .findings import Finding
from .journal import JournalError, describe, recover
from .progress import bar
from .report import terminal
from .runner import Refused, Result, WriteError, migrate, write
from .settings import Settings
from .writing import put

DONE, WORK_LEFT, USAGE, FAILED = 0, 1, 2, 3
STDIN = Path("<stdin>")


class OutputError(Exception):
    """What was asked for does not come out."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the codemod with these arguments, by default the command line's; returns the exit status.

    0 when it is done, 1 when `--check` finds work, 3 when a file failed or nothing could be written; 2, or
    ``SystemExit`` with that, when what is asked for makes no sense.
    """
    given = settings.read(argv)
    if given.list_rules:
        for rule in rules.RULES:
            print(f"{rule.id} {rule.slug:<22} {rule.sentence}")
        return DONE
    if given.explain is not None and ":" not in given.explain:
        return _explain(given.explain)
    try:
        if given.explain is not None:
            return _explain_place(given, given.explain)
        return _run(given)
    except NoSuchPath as error:
        return _complain(str(error), USAGE)
    except OutputError as error:
        return _complain(f"standard output could not be written: {error}", FAILED)
    except Unfinished as found:
        remedy = "run the codemod without an option that only looks, and they are put back"
        return _complain(f"{describe(found.journal)}; {remedy}", FAILED)
    except JournalError as error:
        return _complain(str(error), FAILED)
    except (Refused, WriteError) as error:
        return _complain(f"nothing was changed: {error}", FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted, nothing was changed", FAILED)
    except baseline.BaselineError as error:
        return _complain(str(error), USAGE)


def _run(given: Settings) -> int:
    data = {STDIN: sys.stdin.buffer.read()} if given.stdin else {}
    result = _migrate(given, data)
    if given.diff:
        _out("".join(_diff(result)).encode())
    elif given.stdin and not (given.check or given.write_baseline):
        _out(result.encoded.get(STDIN, data[STDIN]))
    if not given.looks:
        write(result)
    try:
        return _tell(given, result)
    except KeyboardInterrupt:
        if given.looks:
            raise
        return _complain("interrupted after the files were rewritten", FAILED)


def _migrate(given: Settings, data: Mapping[Path, bytes]) -> Result:
    """The run itself, after what one that was killed has left is put right."""
    while True:
        try:
            with bar(given.quiet) as progress:
                return migrate(given.paths, given.options, given=data, progress=progress)
        except Unfinished as found:
            if given.looks:
                raise
            _complain(recover(found.journal), DONE)


def _tell(given: Settings, result: Result) -> int:
    """Say what a run that has done its work has done, wherever somebody wants to know it."""
    left = work_left(result)
    accepted = 0
    failed = False
    if given.baseline is not None:
        if given.write_baseline:
            failed = _keep("baseline", given.baseline, baseline.dump(left, given.baseline))
            left = []
        elif given.check:
            left, accepted = _against(given.baseline, left)
    for file in given.reports:
        failed |= _keep("report", file, report.render(file.suffix, result, written=not given.looks))
    if given.graph is not None and result.analysis is not None:
        draw = graph.svg if given.graph.suffix == ".svg" else graph.page
        failed |= _keep("graph", given.graph, draw(result.analysis))
    for line in _lines(given, result, left, accepted):
        print(line, file=sys.stderr)
    if result.failed or failed:
        return FAILED
    return WORK_LEFT if given.check and left else DONE


def work_left(result: Result) -> list[Finding]:
    """What the codemod would change, and what a person has to decide."""
    return [finding for finding in result.findings if finding.kind == "change" or finding.decide]


def _against(file: Path, left: list[Finding]) -> tuple[list[Finding], int]:
    try:
        accepted = baseline.load(file)
    except OSError as error:
        remedy = "; --write-baseline makes it" if isinstance(error, FileNotFoundError) else ""
        raise baseline.BaselineError(f"{file}: {error.strerror}{remedy}") from error
    return baseline.fresh(left, accepted, file)


def _keep(what: str, file: Path, text: str) -> bool:
    """Write a file that was asked for; True where it could not be written."""
    try:
        put(file, text.encode())
    except OSError as error:
        _complain(f"the {what} {file} could not be written: {error.strerror}", FAILED)
        return True
    return False


def _lines(given: Settings, result: Result, left: Sequence[Finding], gone: int) -> Iterator[str]:
    if given.quiet:
        yield from terminal.failures(result)
    elif given.check and given.baseline is not None:
        yield from terminal.failures(result)
        yield from (terminal.line(finding) for finding in left)
        new = f"{len(left)} new" if left else "nothing new"
        yield f"{new} since the baseline" + (f"; {gone} of it is done, write it again" if gone else "")
    else:
        if given.check:
            yield from terminal.work(left)
        yield from terminal.lines(result, written=not given.looks)
        if given.graph is not None and not (given.check or given.diff or given.stdin):
            yield "nothing was rewritten: --graph only looks"


def _explain(what: str) -> int:
    """A rule as the documentation has it."""
    for rule in rules.RULES:
        if rule.id == what:
            print(rule.documentation(), end="")
            return DONE
    return _complain(f"no rule is called {what}; --list-rules shows them", USAGE)


def _explain_place(given: Settings, what: str) -> int:
    """Why the function at FILE:LINE becomes a coroutine or stays sync."""
    file, _, line = what.rpartition(":")
    if not line.isdigit() or not Path(file).is_file():
        return _complain(f"--explain {what}: not a rule, nor a file and a line of it", USAGE)
    length = Path(file).read_bytes().count(b"\n") + 1
    if not 1 <= int(line) <= length:
        return _complain(f"--explain {what}: {file} has {terminal.count(length, 'line')}", USAGE)
    paths = given.paths or (project(Path(file).resolve()) or Path(file),)
    analysis = migrate(paths, given.options).analysis
    lines = explain(analysis, Path(file), int(line)) if analysis is not None else None
    if lines is None:
        lines = [f"{what}: nothing in this file leads to gRPC"]
    print("\n".join(lines))
    return DONE


def _complain(message: str, status: int) -> int:
    print(f"grpc_bridge.codemod: {message}", file=sys.stderr)
    return status


def _out(data: bytes) -> None:
    """Bytes on standard output, whatever its encoding is."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        # What is left in the buffer would be tried again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise OutputError(error.strerror) from error


def _diff(result: Result) -> Iterator[str]:
    for path, text in sorted(result.changed.items()):
        # Lines end where diff and patch think so; `splitlines` knows form feeds too.
        before, after = (re.findall(r"[^\n]*\n|[^\n]+", side) for side in (result.before[path], text))
        for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"):
            if line.endswith("\n"):
                yield line
            else:
                yield f"{line}\n\\ No newline at end of file\n"
