"""One run: from paths to a result, and from a result to the disk. Returns values; only the CLI prints."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import callgraph, discover, index, infer, propagate, rules
from .discover import Failure
from .findings import Finding
from .index import Module, Program
from .options import DEFAULTS, Options
from .rewrite import RewriteError, rewrite
from .rules.base import Plan, View


@dataclass
class Result:
    """What a run would do, or did: the new text of every changed file, and what there is to say."""

    changed: dict[Path, str] = field(default_factory=dict)
    unchanged: list[Path] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    before: dict[Path, str] = field(default_factory=dict)
    """The text of every changed file as it was."""
    encoded: dict[Path, bytes] = field(default_factory=dict)
    original: dict[Path, bytes] = field(default_factory=dict)


def migrate(paths: Sequence[Path], options: Options = DEFAULTS) -> Result:
    """Analyse and rewrite everything under `paths`, in memory; nothing is written."""
    found = discover.discover([Path(path) for path in paths])
    result = Result(failed=list(found.failures))
    roots = [Path(path) if Path(path).is_dir() else Path(path).parent for path in paths]
    everything = index.build(found.sources, discover.around(found.sources), roots)
    program = index.concerned(everything)
    # A file of which nothing leads to gRPC is neither analysed nor written.
    result.unchanged += [
        m.path for p, m in everything.modules.items() if p not in program.modules and m.in_run
    ]
    facts = infer.infer(program)
    graph = callgraph.build(program, facts)
    colours = propagate.propagate(program, graph, facts, options.keep_sync)
    for module in program.modules.values():
        if module.in_run:
            plan = _plan(module, program, graph, facts, colours)
            _rewrite(module, plan, result)
    result.findings.sort()
    return result


def _plan(
    module: Module,
    program: Program,
    graph: callgraph.Graph,
    facts: infer.Facts,
    colours: propagate.Colours,
) -> Plan:
    plan = Plan(module)
    if not module.source.generated:
        for fn in module.functions:
            plan.edits += rules.edits(View(fn, plan, program, graph, facts, colours))
    return plan


def _rewrite(module: Module, plan: Plan, result: Result) -> None:
    source = module.source
    cuts = [finding for finding in plan.findings if finding.kind == "cut"]
    if not plan.edits:
        result.findings += cuts
        result.unchanged.append(source.path)
        return
    try:
        text = rewrite(plan)
        data = source.encode(text)
    except (RewriteError, UnicodeEncodeError) as error:
        result.failed.append(Failure(source.path, 1, 1, str(error)))
        return
    result.findings += plan.findings
    if text == source.text:
        result.unchanged.append(source.path)
        return
    result.changed[source.path] = text
    result.before[source.path] = source.text
    result.encoded[source.path] = data
    result.original[source.path] = source.data


class WriteError(Exception):
    """The changes could not be written; every file is as it was."""


def write(result: Result) -> None:
    """Write all changed files, or none: first beside them, then in their place."""
    fresh: dict[Path, Path] = {}
    try:
        for path, data in result.encoded.items():
            target = path.resolve()
            if target.read_bytes() != result.original[path]:
                raise WriteError(f"{path} changed while the codemod ran")
            fresh[target] = _beside(target, data)
        _replace(fresh, {path.resolve(): data for path, data in result.original.items()})
    except OSError as error:
        raise WriteError(f"{error.filename}: {error.strerror}") from error
    finally:
        for temporary in fresh.values():
            temporary.unlink(missing_ok=True)


def _beside(target: Path, data: bytes) -> Path:
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied", str(target))
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        shutil.copymode(target, name)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _replace(fresh: Mapping[Path, Path], original: Mapping[Path, bytes]) -> None:
    """Put the new files in place; what was replaced before a failure is put back."""
    replaced: list[Path] = []
    try:
        for target, temporary in fresh.items():
            replaced.append(target)
            os.replace(temporary, target)
    except BaseException:
        for target in replaced:
            if target.read_bytes() != original[target]:
                os.replace(_beside(target, original[target]), target)
        raise
