"""`import grpc` becomes `import grpc_bridge as grpc`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..later import cst
from .base import Edit, Rule, View

RULE = Rule(
    id="GB101",
    slug="import-swap",
    sentence="`import grpc` becomes `import grpc_bridge as grpc`.",
    before="""\
import grpc
from grpc import StatusCode
""",
    after="""\
import grpc_bridge as grpc
from grpc_bridge import StatusCode
""",
)


def match(view: View) -> Iterator[Edit]:
    if view.fn.kind != "module" or view.module.keeps_grpc:
        return
    for node in view.module.imports:
        if isinstance(node, ast.Import) and any(alias.name == "grpc" for alias in node.names):
            yield view.edit(RULE, "Import", node, swap_import)
        elif isinstance(node, ast.ImportFrom) and node.module == "grpc" and not node.level:
            yield view.edit(RULE, "ImportFrom", node, swap_from)


def swap_import(node: cst.Import) -> cst.Import:
    return node.with_changes(names=[_swap(alias) for alias in node.names])


def swap_from(node: cst.ImportFrom) -> cst.ImportFrom:
    return node.with_changes(module=cst.Name("grpc_bridge"))


def _swap(alias: cst.ImportAlias) -> cst.ImportAlias:
    if alias.evaluated_name != "grpc":
        return alias
    asname = alias.asname or cst.AsName(name=cst.Name("grpc"))
    return alias.with_changes(name=cst.Name("grpc_bridge"), asname=asname)
