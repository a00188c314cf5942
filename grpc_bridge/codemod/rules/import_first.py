"""While a file outside the run makes channels or servers with grpcio, nothing in the run can await them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..boundary import Cut
from ..findings import Finding
from ..index import Function, Module, Program
from ..outside import installed
from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB103",
    slug="import-first",
    sentence="While a file outside the run makes channels or servers with grpcio, only imports change.",
    before="""\
# not in the run: main.py
import grpc

channel = grpc.insecure_channel(target)  # its calls cannot be awaited
""",
    after="",
    remedy="Change the imports of the whole project first: `--only GB101`. That alone changes no behaviour.",
)

MAKERS = frozenset({"insecure_channel", "secure_channel", "intercept_channel", "server"})


def match(view: View) -> Iterator[Edit]:
    """The cut is made before anything is decided; see `kept`."""
    yield from report_cut(view, RULE)


def foreign(program: Program) -> list[tuple[Module, ast.stmt]]:
    """The project's files that go on making channels or servers with grpcio, and where they import it."""
    return [
        (module, node)
        for module in program.modules.values()
        if not (module.source.generated or installed(module.path))
        if not module.in_run or module.keeps_grpc
        for node in module.imports
        if any(_is_plain(node, alias.name) for alias in node.names) and _makes(module)
    ]


def kept(program: Program) -> dict[Function, Cut]:
    """The functions of the run, where what they await might come from such a file.

    A file of the run that keeps its import concerns those that import it, at first or second hand.
    """
    files = {module for module, _ in foreign(program)}
    if any(not module.in_run for module in files):
        concerned = {module for module in program.modules.values() if module.in_run}
        cut = Cut("", "a file outside the run is still on grpcio", True)
    else:
        concerned = importers(program, files)
        names = ", ".join(sorted(module.path.name for module in files))
        cut = Cut("GB103", f"{names} keeps grpcio, and may hand over what it makes", True)
    return {
        fn: cut for fn in program.functions() if fn.module in concerned and not (fn.is_async or fn.top_level)
    }


def importers(program: Program, files: set[Module]) -> set[Module]:
    """The modules of the run that import one of these, or a module that does."""
    uses = {
        module: {target for name in imported_names(module) if (target := program.resolve(module, name))}
        | {target for target in relative_imports(program, module) if target is not None}
        for module in program.modules.values()
        if module.in_run and files
    }
    found: set[Module] = set()
    grown = bool(files)
    while grown:
        fresh = {m for m, targets in uses.items() if m not in found and targets & (files | found)}
        found |= fresh
        grown = bool(fresh)
    return found - files


def imported_names(module: Module) -> Iterator[str]:
    for node in module.imports:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif not node.level and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def relative_imports(program: Program, module: Module) -> Iterator[Module | None]:
    for node in module.imports:
        if isinstance(node, ast.ImportFrom) and node.level:
            yield program.resolve_relative(module, node.level, node.module)
            for alias in node.names:
                inner = f"{node.module}.{alias.name}" if node.module else alias.name
                yield program.resolve_relative(module, node.level, inner)


def findings(program: Program) -> Iterator[Finding]:
    """One for each such file."""
    for module, node in foreign(program):
        if module.in_run and not importers(program, {module}):
            continue
        where = "keeps its import" if module.in_run else "is not in the run"
        message = f"{module.path.name} {where} and makes channels or servers with grpcio"
        source = module.lines[node.lineno - 1].strip()
        yield Finding(module.path, node.lineno, node.col_offset + 1, RULE.id, message, "cut", True, source)


def _is_plain(node: ast.Import | ast.ImportFrom, name: str) -> bool:
    if isinstance(node, ast.Import):
        return name.partition(".")[0] == "grpc"
    return node.module == "grpc" and not node.level and name in MAKERS


def _makes(module: Module) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in MAKERS)
        or (isinstance(node, ast.Name) and node.id in MAKERS)
        for node in ast.walk(module.source.tree)
    )
