"""The report as plain text, to be read or mailed."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Finding
from ..runner import Result
from . import model
from .terminal import count


def render(result: Result, written: bool) -> str:
    """The whole report."""
    return "\n".join(_lines(model.build(result, written))) + "\n"


def _lines(report: model.Report) -> Iterator[str]:
    verb = "changed" if report.written else "to change"
    changed = sum(file.changed for file in report.files)
    failed = sum(file.failure is not None for file in report.files)
    yield f"gRPC to asyncio: {report.root}"
    yield ""
    yield f"{count(changed, 'file')} {verb}, {report.unchanged} unchanged, {failed} failed"
    edits, cuts, decisions = (report.total(what) for what in ("changes", "cuts", "decisions"))
    yield f"{count(edits, 'edit')}, {cuts} left sync or to know of, {decisions} to decide"
    for rule, number in report.by_rule:
        yield f"{number:6} {rule.id} {rule.slug}"
    for package in report.packages:
        yield ""
        yield package.name
        yield "=" * len(package.name)
        for file in package.files:
            yield f"{file.name}: " + (
                ", ".join(f"{n} x {rule}" for rule, n in sorted(file.by_rule.items())) or "no edits"
            )
            if file.failure is not None:
                failure = file.failure
                yield f"  {failure.line}:{failure.column}: failed: {failure.reason}"
            for title, findings in (("to decide", file.decisions), ("to know of", file.cuts)):
                for finding in findings:
                    yield from _finding(title, finding)


def _finding(title: str, finding: Finding) -> Iterator[str]:
    yield f"  {finding.line}:{finding.column}: {finding.rule} ({title}) {finding.message}"
    if finding.source:
        yield f"      | {finding.source}"
    remedy = model.RULES[finding.rule].remedy
    if remedy:
        yield f"      {remedy}"
