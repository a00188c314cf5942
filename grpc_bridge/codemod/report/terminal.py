"""The report as lines of text: `path:line:col: GBnnn message`."""

from __future__ import annotations

from collections.abc import Iterator

from ..runner import Result


def lines(result: Result, written: bool) -> Iterator[str]:
    """Failures first, then what a person should look at, then one line that sums up."""
    for failure in result.failed:
        yield f"{failure.path}:{failure.line}:{failure.column}: failed: {failure.reason}"
    for finding in result.findings:
        if finding.kind == "cut":
            yield f"{finding.path}:{finding.line}:{finding.column}: {finding.rule} {finding.message}"
    verb = "changed" if written else "would change"
    parts = [f"{_count(len(result.changed), 'file')} {verb}", f"{len(result.unchanged)} unchanged"]
    if result.failed:
        parts.append(f"{len(result.failed)} failed")
    yield ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
