"""The command line: `python -m grpc_bridge.codemod [options] PATH...`. Here alone things are printed."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import baseline, graph, report, rules, settings
from .discover import NoSuchPath, project
from .explain import explain
from .findings import Finding
from .progress import bar
from .report import terminal
from .runner import Refused, Result, WriteError, migrate, write
from .settings import Settings

DONE, WORK_LEFT, USAGE, FAILED = 0, 1, 2, 3
STDIN = Path("<stdin>")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the codemod; returns the exit status."""
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
        return _complain(f"no such file or directory: {error}", USAGE)
    except (Refused, WriteError) as error:
        return _complain(f"nothing was changed: {error}", FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted, nothing was changed", FAILED)
    except baseline.BaselineError as error:
        return _complain(str(error), USAGE)


def _run(given: Settings) -> int:
    data = {STDIN: sys.stdin.buffer.read()} if given.stdin else {}
    with bar(given.quiet) as progress:
        result = migrate(given.paths, given.options, given=data, progress=progress)
    dry = given.diff or given.check or given.write_baseline or given.stdin
    if given.diff:
        _out("".join(_diff(result)).encode())
    elif given.stdin and not (given.check or given.write_baseline):
        _out(result.encoded.get(STDIN, data[STDIN]))
    if not dry:
        write(result)
    left = work_left(result)
    accepted = 0
    if given.baseline is not None:
        if given.write_baseline:
            given.baseline.write_text(baseline.dump(left, given.baseline), encoding="utf-8")
            left = []
        elif given.check:
            left, accepted = _against(given.baseline, left)
    failed = _reports(given, result, dry)
    if given.graph is not None:
        failed |= _draw(given.graph, result)
    for line in _lines(given, result, left, accepted, dry):
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
        raise baseline.BaselineError(f"{file}: {error.strerror}; --write-baseline makes it") from error
    return baseline.fresh(left, accepted, file)


def _reports(given: Settings, result: Result, dry: bool) -> bool:
    """Write the reports; True where one could not be written."""
    failed = False
    for file in given.reports:
        try:
            file.write_text(report.render(file.suffix, result, written=not dry), encoding="utf-8")
        except OSError as error:
            _complain(f"the report {file} could not be written: {error.strerror}", FAILED)
            failed = True
    return failed


def _lines(given: Settings, result: Result, left: Sequence[Finding], gone: int, dry: bool) -> Iterator[str]:
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
        yield from terminal.lines(result, written=not dry)


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
    paths = given.paths or (project(Path(file).resolve()) or Path(file),)
    analysis = migrate(paths, given.options).analysis
    lines = explain(analysis, Path(file), int(line)) if analysis is not None else None
    if lines is None:
        lines = [f"{what}: nothing in this file leads to gRPC"]
    print("\n".join(lines))
    return DONE


def _draw(file: Path, result: Result) -> bool:
    """Write the picture; True where it could not be written."""
    if result.analysis is None:
        return False
    draw = graph.svg if file.suffix == ".svg" else graph.page
    try:
        file.write_text(draw(result.analysis), encoding="utf-8")
    except OSError as error:
        _complain(f"the graph {file} could not be written: {error.strerror}", FAILED)
        return True
    return False


def _complain(message: str, status: int) -> int:
    print(f"grpc_bridge.codemod: {message}", file=sys.stderr)
    return status


def _out(data: bytes) -> None:
    """Bytes on standard output, whatever its encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _diff(result: Result) -> Iterator[str]:
    for path, text in sorted(result.changed.items()):
        # Lines end where diff and patch think so; `splitlines` knows form feeds too.
        before, after = (re.findall(r"[^\n]*\n|[^\n]+", side) for side in (result.before[path], text))
        for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"):
            if line.endswith("\n"):
                yield line
            else:
                yield f"{line}\n\\ No newline at end of file\n"
