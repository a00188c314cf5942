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
    """The project's files outside the run that make channels or servers with grpcio, and where."""
    return [
        (module, node)
        for module in program.modules.values()
        if not (module.in_run or module.source.generated or installed(module.path))
        for node in module.imports
        if any(_is_plain(node, alias.name) for alias in node.names) and _makes(module)
    ]


def kept(program: Program) -> dict[Function, Cut]:
    """Every function of the run, where what it awaits might come from such a file."""
    if not foreign(program):
        return {}
    cut = Cut("", "a file outside the run is still on grpcio", True)
    return {fn: cut for fn in program.functions() if fn.module.in_run and not (fn.is_async or fn.top_level)}


def findings(program: Program) -> Iterator[Finding]:
    """One for each such file."""
    for module, node in foreign(program):
        message = f"{module.path.name} is not in the run and makes channels or servers with grpcio"
        source = module.lines[node.lineno - 1].strip()
        yield Finding(module.path, node.lineno, node.col_offset + 1, RULE.id, message, "cut", True, source)


def _is_plain(node: ast.Import | ast.ImportFrom, name: str) -> bool:
    if isinstance(node, ast.Import):
        return name == "grpc"
    return node.module == "grpc" and not node.level and name in MAKERS


def _makes(module: Module) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in MAKERS)
        or (isinstance(node, ast.Name) and node.id in MAKERS)
        for node in ast.walk(module.source.tree)
    )
