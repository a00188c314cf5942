"""One run: from paths to a result. Returns values; only the CLI prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from . import callgraph, declared, decorators, indexing, infer, keep, propagate, rules, workers
from .analysis import Analysis
from .boundary import Cut
from .cache import Cache
from .counterparts import Counterparts
from .digest import digest
from .discover import Failure
from .findings import Finding
from .formatter import tidied
from .index import Function, Module, Program
from .options import DEFAULTS, Options
from .progress import Progress, silent
from .rewrite import RewriteError, rewrite
from .rules import import_first
from .rules.base import Edit, Plan, View
from .sites import Graph
from .survey import survey as look_around
from .waiting import Colours
from .writing import WriteError as WriteError
from .writing import write as write

WORTH_WORKERS = 200_000
"""So many characters to be rewritten pay for the start of worker processes."""


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
    analysis: Analysis | None = field(default=None, repr=False)
    """What was found of the program, for `explain` and `graph`."""


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
    with workers.uncollected():
        progress("reading", 0, 0)
        survey = look_around([Path(path) for path in paths], options, given or {})
        roots = [Path(path) if Path(path).is_dir() else Path(path).parent for path in paths]
        result = Result()
        while True:
            found = survey.discover()
            _refuse_namesake([source.path for source in (*found.sources, *found.around)])
            progress("analysing", 0, 0)
            program = indexing.build(found.sources, found.around, roots)
            plans, result.analysis = _analyse(program, options)
            if not survey.grow(plan.module.path for plan in plans if plan.edits):
                break
        result.failed += found.failures
        # A file of which nothing leads to gRPC is neither analysed nor written.
        known = {source.path for source in found.sources} | {failure.path for failure in found.failures}
        result.unchanged += [f.path for f in survey.files.values() if f.in_run and f.path not in known]
        _rewrite_all(plans, options, progress, result)
        _tidy(result)
    result.findings += import_first.findings(program)
    result.findings.sort()
    return result


def _analyse(program: Program, options: Options) -> tuple[list[Plan], Analysis]:
    """Steps 3 to 5, and what the rules ask for in each file of the run."""
    keep.keep_imports(program, skipped="GB101" in options.skip)
    facts = infer.infer(program)
    while declared.mark(program):
        facts = infer.infer(program)
    facts.split = decorators.ready(facts)
    given_up: set[Function] = set()
    while True:
        graph = callgraph.build(program, facts)
        plans, colours = _settle(program, graph, facts, options)
        more = set(decorators.wanted(graph, facts, colours)) - given_up
        failed = set() if more else set(decorators.failed(graph, facts, colours))
        if not (more or failed):
            return plans, Analysis(program, facts, graph, colours)
        given_up |= failed
        facts.split = facts.split.union(more) - failed


def _rewrite_all(plans: list[Plan], options: Options, progress: Progress, result: Result) -> None:
    """Step 6, in worker processes where there is much to do; what came out before is in the cache."""
    cache = Cache(options.cache)
    digests = {plan.module: digest(plan) if cache.folder is not None else "" for plan in plans}
    ready = {m: text for m, name in digests.items() if (text := cache.rewritten(name)) is not None}
    todo = [plan for plan in plans if plan.edits and plan.module not in ready]
    size = sum(len(plan.module.source.text) for plan in todo)
    jobs = workers.count(options.jobs) if size >= WORTH_WORKERS or (options.jobs or 0) > 1 else 1
    fresh = workers.run(partial(_rewritten, cache, digests), todo, jobs)
    for done, plan in enumerate(plans):
        progress("rewriting", done, len(plans))
        outcome = ready.get(plan.module) or (next(fresh) if plan.edits else None)
        _note(plan, outcome, result)
    cache.drop_old()


def _tidy(result: Result) -> None:
    """Let the project's formatter see to what was as it leaves files."""
    texts = {
        path: (result.before[path], text)
        for path, text in result.changed.items()
        if result.encoded[path] == text.encode()
    }
    for path, text in tidied(texts).items():
        result.changed[path] = text
        result.encoded[path] = text.encode()


def _settle(
    program: Program, graph: Graph, facts: infer.Facts, options: Options
) -> tuple[list[Plan], Colours]:
    """The plans of all files, without the edits that the user does not want, and the colours behind them.

    An edit left out would leave its function half migrated, so the function stays sync and
    everything is decided again.
    """
    kept = {**keep.kept_functions(program), **import_first.kept(program)}
    lines = {module: keep.kept_lines(module.source) for module in program.modules.values() if module.in_run}
    counterparts = Counterparts(program, graph, facts)
    counterparts.leave(lines, options.skip)
    while True:
        colours = propagate.propagate(program, graph, facts, options.keep_sync, kept, counterparts)
        plans = [_plan(Plan(module, style=options.style), program, graph, facts, colours) for module in lines]
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
            if any(not cut.rule for cut in kept.values()):
                # Who shares something with what was left out stays sync for that reason alone.
                for plan in plans:
                    plan.findings = [
                        finding for finding in plan.findings if finding.rule not in ("GB706", "GB720")
                    ]
            return plans, colours
        kept = {**refused, **kept}


def _plan(
    plan: Plan,
    program: Program,
    graph: Graph,
    facts: infer.Facts,
    colours: Colours,
) -> Plan:
    if not plan.module.source.generated:
        for fn in plan.module.functions:
            plan.edits += rules.edits(View(fn, plan, program, graph, facts, colours))
    return plan


def _rewritten(cache: Cache, digests: Mapping[Module, str], plan: Plan) -> str | RewriteError:
    """The new text of a file, which the cache keeps, or why there is none."""
    try:
        text = rewrite(plan)
    except RewriteError as error:
        return error
    cache.keep_rewritten(digests[plan.module], text)
    return text


def _note(plan: Plan, outcome: str | RewriteError | None, result: Result) -> None:
    """Put what came of one file into the result."""
    source = plan.module.source
    if outcome is None:
        result.findings += plan.findings
        result.unchanged.append(source.path)
        return
    try:
        if isinstance(outcome, RewriteError):
            raise outcome
        data = source.encode(outcome)
    except (RewriteError, UnicodeEncodeError) as error:
        result.failed.append(Failure(source.path, 1, 1, str(error)))
        return
    result.findings += plan.findings
    if outcome == source.text:
        result.unchanged.append(source.path)
        return
    result.findings += [finding for edit in plan.edits for finding in edit.findings]
    result.changed[source.path] = outcome
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
