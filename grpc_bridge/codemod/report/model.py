"""What every report tells: per package and file, what was rewritten, what was cut, what is to be decided."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .. import rules
from ..discover import Failure
from ..findings import Finding
from ..rules.base import Rule
from ..runner import Result


@dataclass
class File:
    """One file of which there is something to say."""

    path: Path
    name: str
    """Relative to the folder that all files share."""
    changed: bool = False
    failure: Failure | None = None
    changes: list[Finding] = field(default_factory=list)
    cuts: list[Finding] = field(default_factory=list)
    decisions: list[Finding] = field(default_factory=list)

    @property
    def by_rule(self) -> Counter[str]:
        return Counter(finding.rule for finding in self.changes)


@dataclass
class Package:
    """The files of one folder."""

    name: str
    files: list[File] = field(default_factory=list)

    def count(self, what: str) -> int:
        return sum(len(getattr(file, what)) for file in self.files)


@dataclass
class Report:
    """A run, ordered for reading."""

    root: Path
    packages: list[Package]
    unchanged: int
    """Files in which nothing had to change."""
    written: bool

    @property
    def files(self) -> list[File]:
        return [file for package in self.packages for file in package.files]

    @property
    def by_rule(self) -> list[tuple[Rule, int]]:
        counts = sum((file.by_rule for file in self.files), Counter[str]())
        return sorted(((RULES[id_], n) for id_, n in counts.items()), key=lambda pair: -pair[1])

    def total(self, what: str) -> int:
        return sum(package.count(what) for package in self.packages)


RULES = {rule.id: rule for rule in rules.RULES}


def build(result: Result, written: bool) -> Report:
    """The report of a run; `written` says that the tree was changed."""
    everything = {
        *result.changed,
        *result.unchanged,
        *(failure.path for failure in result.failed),
        *(finding.path for finding in result.findings),
    }
    folders = [str(path.resolve().parent) for path in everything]
    root = Path(os.path.commonpath(folders)) if folders else Path.cwd()
    files: dict[Path, File] = {}

    def of(path: Path) -> File:
        return files.setdefault(path, File(path, path.resolve().relative_to(root).as_posix()))

    for path in result.changed:
        of(path).changed = True
    for failure in result.failed:
        of(failure.path).failure = failure
    for finding in result.findings:
        file = of(finding.path)
        kind = file.changes if finding.kind == "change" else file.decisions if finding.decide else file.cuts
        kind.append(finding)
    packages: dict[str, Package] = {}
    for file in sorted(files.values(), key=lambda file: file.name):
        folder = Path(file.name).parent.as_posix()
        name = root.name if folder == "." else folder
        packages.setdefault(name, Package(name)).files.append(file)
    return Report(root, list(packages.values()), len(result.unchanged), written)
