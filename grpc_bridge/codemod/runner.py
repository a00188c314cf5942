"""One run: from paths to a result. Returns values; only the CLI prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import callgraph, discover, index, infer, keep, propagate, rules
from .boundary import Cut
from .discover import Failure
from .findings import Finding
from .index import Function, Module, Program
from .options import DEFAULTS, Options
from .progress import Progress, silent
from .rewrite import RewriteError, rewrite
from .rules.base import Edit, Plan, View
from .writing import WriteError as WriteError
from .writing import write as write


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


class Refused(Exception):
    """The whole run would do harm; nothing was looked at further."""


def migrate(
    paths: Sequence[Path],
    options: Options = DEFAULTS,
    *,
    given: Mapping[Path, bytes] | None = None,
    progress: Progress = silent,
) -> Result:
    """Analyse and rewrite everything under `paths`, in memory; nothing is written.

    `given` are files of the run whose content does not come from the disk. Raises `discover.NoSuchPath`
    and `Refused`.
    """
    progress("reading", 0, 0)
    found = discover.discover([Path(path) for path in paths], options, given or {})
    result = Result(failed=list(found.failures))
    roots = [Path(path) if Path(path).is_dir() else Path(path).parent for path in paths]
    outside = discover.around(found.sources)
    _refuse_namesake([*(source.path for source in found.sources), *(source.path for source in outside)])
    everything = index.build(found.sources, outside, roots)
    program = index.concerned(everything)
    # A file of which nothing leads to gRPC is neither analysed nor written.
    result.unchanged += [
        m.path for p, m in everything.modules.items() if p not in program.modules and m.in_run
    ]
    progress("analysing", 0, 0)
    keep.keep_imports(program, skipped="GB101" in options.skip)
    facts = infer.infer(program)
    graph = callgraph.build(program, facts)
    plans = _settle(program, graph, facts, options)
    for done, plan in enumerate(plans):
        progress("rewriting", done, len(plans))
        _rewrite(plan, result)
    result.findings.sort()
    return result


def _settle(program: Program, graph: callgraph.Graph, facts: infer.Facts, options: Options) -> list[Plan]:
    """The plans of all files, without the edits that the user does not want.

    An edit left out would leave its function half migrated, so the function stays sync and
    everything is decided again.
    """
    kept = keep.kept_functions(program)
    lines = {module: keep.kept_lines(module.source) for module in program.modules.values() if module.in_run}
    while True:
        colours = propagate.propagate(program, graph, facts, options.keep_sync, kept)
        plans = [_plan(module, program, graph, facts, colours) for module in lines]
        refused: dict[Function, Cut] = {}
        for plan in plans:
            wanted: list[Edit] = []
            for edit in plan.edits:
                if edit.rule in options.skip:
                    cut = Cut("", f"{edit.rule} is left out", True)
                elif edit.key.start[0] in lines[plan.module]:
                    cut = Cut("GB711", f"a comment keeps line {edit.key.start[0]} as it is", True)
                else:
                    wanted.append(edit)
                    continue
                refused.update((fn, cut) for fn in edit.functions if not (fn.is_async or fn.top_level))
            plan.edits = wanted
        if refused.keys() <= kept.keys():
            return plans
        kept = {**refused, **kept}


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


def _rewrite(plan: Plan, result: Result) -> None:
    source = plan.module.source
    if not plan.edits:
        result.findings += plan.findings
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
    result.findings += [finding for edit in plan.edits for finding in edit.findings]
    result.changed[source.path] = text
    result.before[source.path] = source.text
    result.encoded[source.path] = data
    result.original[source.path] = source.data


def _refuse_namesake(paths: Sequence[Path]) -> None:
    """`import grpc_bridge` in a project with a package of that name would import the project's own."""
    ours = Path(__file__).resolve().parents[1]
    for path in paths:
        file = path.resolve()
        for place in (file.with_suffix(""), *file.parents):
            if place.name != "grpc_bridge" or place == ours or (place.parent / "__init__.py").exists():
                continue
            if place.with_suffix(".py") == file or (place / "__init__.py").exists():
                raise Refused(
                    f"{path} belongs to a package of the project's own that is called grpc_bridge; "
                    "`import grpc_bridge` would import that one, so rename it first"
                )
