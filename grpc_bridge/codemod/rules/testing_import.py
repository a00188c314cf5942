"""`import grpc_testing` becomes an import of `grpc_bridge.testing`, which serves code of both colours."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..later import cst
from ..nodes import walk
from .base import Edit, Rule, View

RULE = Rule(
    id="GB104",
    slug="testing-import",
    sentence="`import grpc_testing` becomes an import of `grpc_bridge.testing`.",
    before="""\
import grpc_testing
from grpc_testing import strict_real_time
""",
    after="""\
import grpc_bridge.testing as grpc_testing
from grpc_bridge.testing import strict_real_time
""",
    remedy="Use what both have: channel, server_from_dictionary, strict_real_time and strict_fake_time.",
)

SAME = frozenset({"channel", "server_from_dictionary", "strict_fake_time", "strict_real_time"})
"""What grpc_bridge.testing has of grpc_testing."""


def match(view: View) -> Iterator[Edit]:
    if view.fn.kind != "module" or view.module.keeps_grpc:
        return
    for node in view.module.imports:
        if isinstance(node, ast.ImportFrom) and node.module == "grpc_testing" and not node.level:
            names = {alias.name for alias in node.names}
            if names <= SAME:
                yield view.edit(RULE, "ImportFrom", node, swap_from)
            else:
                view.report(RULE, node, f"grpc_bridge.testing has no {', '.join(sorted(names - SAME))}")
        elif isinstance(node, ast.Import) and [alias.name for alias in node.names] == ["grpc_testing"]:
            name = node.names[0].asname or "grpc_testing"
            others = sorted(attributes(view, name) - SAME)
            if others:
                view.report(RULE, node, f"grpc_bridge.testing has no {', '.join(others)}")
            else:
                yield view.edit(RULE, "Import", node, partial(swap_import, name=name))


def attributes(view: View, name: str) -> set[str]:
    """What the file asks of a module by this name."""
    return {
        node.attr
        for node in walk(view.module.source.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }


def swap_from(node: cst.ImportFrom) -> cst.ImportFrom:
    return node.with_changes(module=cst.Attribute(cst.Name("grpc_bridge"), cst.Name("testing")))


def swap_import(_: cst.Import, name: str) -> cst.Import | cst.ImportFrom:
    """An import of the same kind, which keeps its place where imports are sorted."""
    if name == "testing":
        return cst.ImportFrom(cst.Name("grpc_bridge"), [cst.ImportAlias(cst.Name("testing"))])
    module = cst.Attribute(cst.Name("grpc_bridge"), cst.Name("testing"))
    return cst.Import([cst.ImportAlias(module, cst.AsName(name=cst.Name(name)))])
