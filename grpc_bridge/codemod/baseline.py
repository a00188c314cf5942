"""The work that a team has accepted for now: CI then fails only on what is new.

An entry is a file, a rule and the text of a line, with how often it is there, so that it survives
whatever moves lines about.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from .findings import Finding

Entry = tuple[str, str, str]


class BaselineError(Exception):
    """The file is not a baseline."""


def dump(findings: Iterable[Finding], file: Path) -> str:
    """The text of a baseline, to be written to `file`, that accepts all `findings`."""
    counts = Counter(_entry(finding, file) for finding in findings)
    entries = [
        {"path": path, "rule": rule, "source": source, "count": count}
        for (path, rule, source), count in sorted(counts.items())
    ]
    return json.dumps({"version": 1, "accepted": entries}, indent=1, ensure_ascii=False) + "\n"


def load(file: Path) -> Counter[Entry]:
    """What the baseline `file` accepts. Raises `BaselineError` or `OSError`."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["version"] != 1:
            raise BaselineError(
                f"{file}: a baseline of version {content['version']}, which is not known here"
            )
        return Counter({(e["path"], e["rule"], e["source"]): int(e["count"]) for e in content["accepted"]})
    except (ValueError, KeyError, TypeError) as error:
        raise BaselineError(
            f"{file}: not a baseline that this command wrote; --write-baseline writes one over it"
        ) from error


def fresh(findings: Iterable[Finding], accepted: Counter[Entry], file: Path) -> tuple[list[Finding], int]:
    """The findings that are not accepted, and how many accepted ones are there no more."""
    left = Counter(accepted)
    found: list[Finding] = []
    for finding in findings:
        entry = _entry(finding, file)
        if left[entry] > 0:
            left[entry] -= 1
        else:
            found.append(finding)
    return found, left.total()


def _entry(finding: Finding, file: Path) -> Entry:
    path = Path(os.path.relpath(finding.path.resolve(), file.resolve().parent)).as_posix()
    return path, finding.rule, finding.source
