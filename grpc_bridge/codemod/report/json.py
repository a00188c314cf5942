"""The report as JSON, for other tools; a later version only adds keys."""

from __future__ import annotations

import json
from typing import Any

from ..findings import Finding
from ..runner import Result
from . import model

VERSION = 1


def render(result: Result, written: bool) -> str:
    """One object: a summary, the rules that were met, and the packages with their files."""
    report = model.build(result, written)
    met = {finding.rule for finding in result.findings}
    content = {
        "version": VERSION,
        "root": str(report.root),
        "written": written,
        "summary": {
            "changed": sum(file.changed for file in report.files),
            "unchanged": report.unchanged,
            "failed": sum(file.failure is not None for file in report.files),
            "edits": report.total("changes"),
            "left_sync": report.total("cuts"),
            "to_decide": report.total("decisions"),
            "by_rule": {rule.id: count for rule, count in report.by_rule},
        },
        "rules": {
            id_: {"name": rule.slug, "sentence": rule.sentence, "remedy": rule.remedy}
            for id_, rule in model.RULES.items()
            if id_ in met
        },
        "packages": [
            {"name": package.name, "files": [_file(file) for file in package.files]}
            for package in report.packages
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _file(file: model.File) -> dict[str, Any]:
    failure = file.failure
    return {
        "path": str(file.path),
        "changed": file.changed,
        "failure": failure and {"line": failure.line, "column": failure.column, "reason": failure.reason},
        "edits": [_finding(finding) for finding in file.changes],
        "left_sync": [_finding(finding) for finding in file.cuts],
        "to_decide": [_finding(finding) for finding in file.decisions],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "line": finding.line,
        "column": finding.column,
        "rule": finding.rule,
        "message": finding.message,
        "source": finding.source,
        "remedy": model.RULES[finding.rule].remedy,
    }
