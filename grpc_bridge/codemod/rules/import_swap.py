"""`import grpc` becomes `import grpc_bridge as grpc`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..index import SUBMODULES
from ..later import cst
from .base import Edit, Rule, View

RULE = Rule(
    id="GB101",
    slug="import-swap",
    sentence="`import grpc` becomes `import grpc_bridge as grpc`.",
    before="""\
import grpc
import grpc.experimental
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
    plain = any(
        isinstance(node, ast.Import)
        and any(alias.name == "grpc" and not alias.asname for alias in node.names)
        for node in view.module.source.tree.body
    )
    for node in view.module.imports:
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
            if (
                plain
                and not node.names[0].asname
                and len(names) == 1
                and names <= SUBMODULES
                and alone(view, node)
            ):
                # `grpc.experimental` is there with `grpc`.
                yield view.edit(RULE, "SimpleStatementLine", node, drop)
            elif names & {"grpc", *SUBMODULES}:
                yield view.edit(RULE, "Import", node, swap_import)
        elif node.module in {"grpc", *SUBMODULES} and not node.level:
            yield view.edit(RULE, "ImportFrom", node, swap_from)


def alone(view: View, node: ast.Import) -> bool:
    """True for a statement of the top level that has its line for itself."""
    line = view.module.lines[node.lineno - 1].strip()
    return node in view.module.source.tree.body and line == ast.unparse(node)


def swap_import(node: cst.Import) -> cst.Import:
    return node.with_changes(names=[_swap(alias) for alias in node.names])


def swap_from(node: cst.ImportFrom) -> cst.ImportFrom:
    return node.with_changes(module=_ours(node.module))


def drop(_: cst.SimpleStatementLine) -> cst.RemovalSentinel:
    return cst.RemoveFromParent()


def _ours(module: cst.Attribute | cst.Name | None) -> cst.Attribute | cst.Name:
    if isinstance(module, cst.Attribute):
        return module.with_changes(value=cst.Name("grpc_bridge"))
    return cst.Name("grpc_bridge")


def _swap(alias: cst.ImportAlias) -> cst.ImportAlias:
    name = alias.evaluated_name
    if name not in {"grpc", *SUBMODULES}:
        return alias
    if alias.asname is None:
        # `import grpc.experimental` binds `grpc`, and so does this.
        return alias.with_changes(name=cst.Name("grpc_bridge"), asname=cst.AsName(name=cst.Name("grpc")))
    return alias.with_changes(name=_ours(alias.name))
