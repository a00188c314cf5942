"""Continuation lines that hang under an opening parenthesis move along when `await ` pushes it right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import libcst as cst

Node = TypeVar("Node", bound=cst.CSTNode)
WIDTH = len("await ")
"""That of `async ` too."""


class _Shift(cst.CSTTransformer):
    def __init__(self, by: Callable[[int], int], indent: int) -> None:
        super().__init__()
        self.by = by
        self.indent = indent

    def leave_ParenthesizedWhitespace(
        self, original_node: cst.ParenthesizedWhitespace, updated_node: cst.ParenthesizedWhitespace
    ) -> cst.ParenthesizedWhitespace:
        last = updated_node.last_line
        start = len(last.value) + (self.indent if updated_node.indent else 0)
        width = 0 if "\t" in last.value else self.by(start)
        return updated_node.with_changes(last_line=cst.SimpleWhitespace(last.value + " " * width))


def hanging(column: int) -> Callable[[int], int]:
    """For lines that start at `column` or right of it."""
    return lambda start: WIDTH if start >= column else 0


def shift(node: Node, by: Callable[[int], int], indent: int, fields: Sequence[str]) -> Node:
    """Move each line inside `fields` of `node`, by a number that depends on where it starts."""
    mover = _Shift(by, indent)
    changes: dict[str, object] = {}
    for field in fields:
        value = getattr(node, field)
        if isinstance(value, cst.CSTNode):
            changes[field] = value.visit(mover)
        elif isinstance(value, (list, tuple)):
            changes[field] = [part.visit(mover) for part in value]
    return node.with_changes(**changes)
