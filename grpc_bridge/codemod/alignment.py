"""Continuation lines that hang under an opening parenthesis move along when `await ` pushes it right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import libcst as cst

Node = TypeVar("Node", bound=cst.CSTNode)
WIDTH = len("await ")
"""That of `async ` too."""


class _Shift(cst.CSTTransformer):
    def __init__(self, column: int, indent: int) -> None:
        super().__init__()
        self.column = column
        self.indent = indent

    def leave_ParenthesizedWhitespace(
        self, original_node: cst.ParenthesizedWhitespace, updated_node: cst.ParenthesizedWhitespace
    ) -> cst.ParenthesizedWhitespace:
        last = updated_node.last_line
        start = len(last.value) + (self.indent if updated_node.indent else 0)
        if start < self.column or "\t" in last.value:
            return updated_node
        return updated_node.with_changes(last_line=cst.SimpleWhitespace(last.value + " " * WIDTH))


def shift(node: Node, column: int, indent: int, fields: Sequence[str]) -> Node:
    """Move the lines inside `fields` of `node` that start at `column` or right of it."""
    mover = _Shift(column, indent)
    changes: dict[str, object] = {}
    for field in fields:
        value = getattr(node, field)
        if isinstance(value, cst.CSTNode):
            changes[field] = value.visit(mover)
        elif isinstance(value, (list, tuple)):
            changes[field] = [part.visit(mover) for part in value]
    return node.with_changes(**changes)
