"""The asynchronous twin of a decorator's wrapper, as LibCST builds it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import libcst as cst

from .concrete import parenthesize
from .prune import line_end
from .rules.syntax import async_, await_, name


def doubled(
    node: cst.FunctionDef,
    wrapper: str,
    last: str,
    wrapped: str,
    twin: str,
    sleeps: Collection[str],
    awaited: Collection[str],
) -> cst.FlattenSentinel[cst.BaseStatement]:
    """`node`, and before it the question whether `wrapped` is a coroutine function: `twin` is for those.

    It is made of the texts of the wrapper and of the statement that returns it.
    """
    awaiting = _Awaiting({node.name.value: twin}, awaited, sleeps)
    blank = cst.EmptyLine(indent=False)
    coroutine, end = (_statement(text).visit(awaiting) for text in (wrapper, last))
    made = {"name": cst.Name(twin), "asynchronous": async_(), "leading_lines": [blank]}
    body = cst.IndentedBlock(
        [coroutine.with_changes(**made), end.with_changes(leading_lines=[blank])]  # type: ignore[union-attr]
    )
    test = cst.Call(name("inspect.iscoroutinefunction"), [cst.Arg(cst.Name(wrapped))])
    lines = list(node.leading_lines)
    above = [lines.pop(0)] if lines and lines[0].comment is None else []
    plain = node.with_changes(leading_lines=[blank, *lines])
    return cst.FlattenSentinel([cst.If(test, body, leading_lines=above), plain])


def _statement(text: str) -> cst.BaseStatement:
    """A statement that stands indented in a file."""
    inside = f"if _:{line_end(text.splitlines(keepends=True)[0])}{text}"
    block = cst.parse_module(inside, cst.PartialParserConfig(default_indent="    ")).body[0]
    found = cst.ensure_type(cst.ensure_type(block, cst.If).body, cst.IndentedBlock).body[0]
    assert isinstance(found, cst.BaseStatement)
    return found


class _Awaiting(cst.CSTTransformer):
    def __init__(self, names: dict[str, str], awaited: Collection[str], sleeps: Collection[str]) -> None:
        super().__init__()
        self.names = names
        self.awaited = awaited
        self.sleeps = sleeps
        self.empty = cst.Module([])

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        node = updated_node
        if isinstance(node, cst.Call):
            called = self.empty.code_for_node(node.func)
            if called in self.awaited:
                node = await_(node)
            elif called in self.sleeps:
                node = await_(node.with_changes(func=name("asyncio.sleep")))
        elif isinstance(node, cst.Name) and node.value in self.names:
            node = node.with_changes(value=self.names[node.value])
        elif isinstance(node, cst.Attribute):
            node = node.with_changes(attr=original_node.attr)
        elif isinstance(node, cst.Arg):
            node = node.with_changes(keyword=original_node.keyword)
        return parenthesize(node)
