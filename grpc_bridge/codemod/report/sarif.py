"""The report as SARIF 2.1.0, which code hosts show beside the code."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import quote

from ..findings import Finding
from ..runner import Result
from . import model

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
RULES_PAGE = "https://github.com/grpc-bridge/grpc-bridge/blob/main/docs/rules.md"


def render(result: Result, written: bool) -> str:
    """One run; what was changed is a note, what is left to a person a warning, a failed file an error."""
    report = model.build(result, written)
    ids = list(model.RULES)
    results = [
        _result(file, finding, ids.index(finding.rule))
        for file in report.files
        for finding in sorted([*file.changes, *file.cuts, *file.decisions])
    ]
    failures = [
        {
            "level": "error",
            "message": {"text": file.failure.reason},
            "locations": [_location(file, file.failure.line, file.failure.column)],
        }
        for file in report.files
        if file.failure is not None
    ]
    run = {
        "tool": {
            "driver": {
                "name": "grpc_bridge.codemod",
                "version": _version(),
                "informationUri": RULES_PAGE,
                "rules": [_rule(id_) for id_ in ids],
            }
        },
        "originalUriBaseIds": {"ROOT": {"uri": report.root.as_uri().rstrip("/") + "/"}},
        "invocations": [{"executionSuccessful": not failures, "toolExecutionNotifications": failures}],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return (
        json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False)
        + "\n"
    )


def _rule(id_: str) -> dict[str, Any]:
    rule = model.RULES[id_]
    described: dict[str, Any] = {
        "id": id_,
        "name": "".join(part.capitalize() for part in rule.slug.split("-")),
        "shortDescription": {"text": rule.sentence.replace("`", "")},
        "helpUri": f"{RULES_PAGE}#{id_.lower()}-{rule.slug}",
    }
    if rule.remedy:
        described["help"] = {"text": rule.remedy}
    return described


def _result(file: model.File, finding: Finding, index: int) -> dict[str, Any]:
    remedy = model.RULES[finding.rule].remedy if finding.kind == "cut" else ""
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": "warning" if finding.decide else "note",
        "message": {"text": f"{finding.message}. {remedy}".strip() if remedy else finding.message},
        "locations": [_location(file, finding.line, finding.column)],
    }


def _location(file: model.File, line: int, column: int) -> dict[str, Any]:
    artifact = {"uri": quote(file.name), "uriBaseId": "ROOT"}
    return {
        "physicalLocation": {
            "artifactLocation": artifact,
            "region": {"startLine": line, "startColumn": max(column, 1)},
        }
    }


def _version() -> str:
    try:
        return version("grpc-bridge")
    except PackageNotFoundError:
        return "0"
