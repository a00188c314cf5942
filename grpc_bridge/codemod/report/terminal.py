"""What a person reads on standard error: `path:line:col: GBnnn message` and one line that sums up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from .. import rules
from ..findings import Finding
from ..runner import Result


def lines(result: Result, written: bool) -> Iterator[str]:
    """Failures first, then what a person should look at, then one line that sums up."""
    yield from failures(result)
    remedies = {rule.id: rule.remedy for rule in rules.RULES}
    for finding in result.findings:
        if finding.kind == "cut":
            remedy = remedies.get(finding.rule) if finding.decide else ""
            yield line(finding) + (f". {remedy}" if remedy else "")
    yield summary(result, written)


def failures(result: Result) -> Iterator[str]:
    for failure in result.failed:
        yield f"{failure.path}:{failure.line}:{failure.column}: failed: {failure.reason}"


def line(finding: Finding) -> str:
    return f"{finding.path}:{finding.line}:{finding.column}: {finding.rule} {finding.message}"


def work(findings: Sequence[Finding]) -> Iterator[str]:
    """The changes that a check found to be left, by file."""
    by_file: dict[str, Counter[str]] = {}
    for finding in findings:
        if finding.kind == "change":
            by_file.setdefault(str(finding.path), Counter())[finding.rule] += 1
    for path, counts in sorted(by_file.items()):
        yield f"{path}: left to do: " + ", ".join(f"{n} x {rule}" for rule, n in sorted(counts.items()))


def summary(result: Result, written: bool) -> str:
    verb = "changed" if written else "would change"
    parts = [f"{count(len(result.changed), 'file')} {verb}", f"{len(result.unchanged)} unchanged"]
    if result.failed:
        parts.append(f"{len(result.failed)} failed")
    return ", ".join(parts)


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
