"""An import of a submodule that grpc_bridge lacks stays, and its file with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..index import SUBMODULES
from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB102",
    slug="submodule-import",
    sentence="An import of a submodule that grpc_bridge lacks stays, and its file with it.",
    before="""\
import grpc.beta.implementations
""",
    after="",
    remedy="Write the file without the submodule, or leave it on grpcio.",
)


def match(view: View) -> Iterator[Edit]:
    if view.fn.kind == "module":
        for node in view.module.imports:
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names if alias.name.startswith("grpc.")]
            elif (node.module or "").startswith("grpc."):
                names = [node.module or ""]
            else:
                continue
            for name in sorted(set(names) - SUBMODULES):
                view.report(RULE, node, f"{name} is left to grpcio; grpc_bridge has no such submodule")
    yield from report_cut(view, RULE)
