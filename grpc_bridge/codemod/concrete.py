"""The edits that are made in a concrete tree, which is what LibCST parses to the byte.

Only the nodes that an edit names are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from .alignment import hanging, shift
from .imports import add_imports, add_names, drop_unused
from .prune import Pruned
from .rules.base import STATEMENTS, Apply, Edit, Key, Plan

LONE_BACKSLASH = re.compile(r"^([ \t]*)\\(?=\r?\n)", re.MULTILINE)
STAND_IN = "# _backslash_"
"""For a line of nothing but a backslash: LibCST loses it, or stumbles, where a statement begins behind it."""


class ConcreteError(Exception):
    """The edits cannot be made in this tree."""


def edited(plan: Plan, pruned: Pruned, edits: Sequence[Edit]) -> str:
    """The module's text, with those edits made that are left to LibCST, and imports added and dropped.

    Raises `ConcreteError`, and `prune.Unfit` where statements that were not read have moved.
    """
    marked, count = LONE_BACKSLASH.subn(rf"\1{STAND_IN}", pruned.text)
    if count and STAND_IN not in pruned.text:
        # Inside an expression it may be that only the backslash can be read.
        with suppress(ConcreteError):
            text = edited(plan, replace(pruned, text=marked), edits)
            if text.count(STAND_IN) == count:
                return text.replace(STAND_IN, "\\")
    try:
        tree = cst.parse_module(pruned.text)
    except cst.ParserSyntaxError as error:
        raise ConcreteError(f"LibCST cannot parse it: {error.message}") from error
    if tree.code != pruned.text:
        raise ConcreteError("its layout cannot be kept exactly")
    changed = _applied(tree, pruned, edits) if edits else tree
    for name, code in sorted(plan.helpers.items()):
        if needed({name}, changed.code):
            changed = with_helper(changed, code)
    if plan.imports:
        changed = add_imports(changed, needed(plan.imports, pruned.restored(changed.code)))
    changed = add_names(changed, plan.names)
    released = [name for name in plan.released if name not in plan.imports]
    if released:
        changed = drop_unused(changed, released, pruned.restored(changed.code))
    return pruned.restored(changed.code)


def _applied(tree: cst.Module, pruned: Pruned, edits: Sequence[Edit]) -> cst.Module:
    applier = _Applier(edits, pruned)
    changed = MetadataWrapper(tree, unsafe_skip_copy=True).visit(applier)
    missed = sorted((applier.places[key] for key in applier.pending.keys() - applier.done), key=_order)
    if missed:
        places = ", ".join(f"{key.kind} at {key.start[0]}:{key.start[1] + 1}" for key in missed)
        raise ConcreteError(f"places of the analysis were not found in the file: {places}")
    return changed


def with_helper(module: cst.Module, code: str) -> cst.Module:
    """A function before the module's first function or class, with two blank lines on either side."""
    place, follower = next(
        (i, node) for i, node in enumerate(module.body) if isinstance(node, (cst.FunctionDef, cst.ClassDef))
    )
    lines = [*follower.leading_lines]
    while lines and lines[0].comment is None:
        lines.pop(0)
    blank = [cst.EmptyLine(indent=False)] * 2
    helper = cst.ensure_type(cst.parse_module(code).body[0], cst.FunctionDef)
    added = [helper.with_changes(leading_lines=blank), follower.with_changes(leading_lines=[*blank, *lines])]
    return module.with_changes(body=[*module.body[:place], *added, *module.body[place + 1 :]])


def needed(imports: set[str], code: str) -> set[str]:
    """Those that the code speaks of: an edit that asked for one may have been left out."""
    return {name for name in imports if re.search(rf"\b{name.rpartition(' ')[2]}\b", code)}


def _moved(key: Key, pruned: Pruned) -> Key:
    """The key of a node in what is left of the file."""
    (line, column), end = key.start, key.end
    return Key(key.kind, (pruned.line(line), column), end and (pruned.line(end[0]), end[1]))


def _order(key: Key) -> tuple[int, int]:
    return key.start


class _Applier(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, edits: Sequence[Edit], pruned: Pruned) -> None:
        super().__init__()
        self.pending: dict[Key, list[Apply]] = {}
        self.places: dict[Key, Key] = {}
        """Where in the file what is pending is."""
        for edit in edits:
            key = _moved(edit.key, pruned)
            self.places[key] = edit.key
            self.pending.setdefault(key, []).append(edit.apply)
        self.kinds = {key.kind for key in self.pending}
        self.done: set[Key] = set()
        self.default_indent = "    "
        self.indents: list[str] = []

    def visit_Module(self, node: cst.Module) -> None:
        self.default_indent = node.default_indent

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self.indents.append(self.default_indent if node.indent is None else node.indent)

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        kind = type(original_node).__name__
        node = updated_node
        if kind == "IndentedBlock":
            self.indents.pop()
        if kind in self.kinds:
            key = self.key_of(kind, original_node)
            if key in self.pending:
                self.done.add(key)
                for apply in self.pending[key]:
                    node = apply(node)
                node = self.align(original_node, node)
        return parenthesize(node)

    def align(self, original: Any, node: Any) -> Any:
        """Keep what hangs under an opening parenthesis under it."""
        indent = len("".join(self.indents))
        if isinstance(original, cst.Call) and isinstance(node, cst.Await):
            inner = node.expression
            if (
                isinstance(inner, cst.Call)
                and inner.func is not None
                and len(inner.args) == len(original.args)
            ):
                column = self.get_metadata(PositionProvider, original.func).end.column + 1
                fields = ("args", "whitespace_before_args")
                return node.with_changes(expression=shift(inner, hanging(column), indent, fields))
        elif isinstance(node, cst.FunctionDef) and node.asynchronous and not original.asynchronous:
            column = self.get_metadata(PositionProvider, original.name).end.column + 1
            return shift(node, hanging(column), indent, ("params", "whitespace_before_params"))
        elif isinstance(node, cst.For) and isinstance(original, cst.For):
            column = self.get_metadata(PositionProvider, original).start.column + len("for ")
            return shift(node, hanging(column), indent, ("iter",))
        elif isinstance(node, cst.For):
            # From `yield from`: what hung under it would stand level with the loop's body.
            step = len(self.default_indent)
            return shift(node, lambda start: step if start > indent else 0, indent, ("iter",))
        elif isinstance(node, cst.With) and node.asynchronous and len(node.items) == len(original.items):
            column = self.get_metadata(PositionProvider, original).start.column + len("with ")
            return shift(node, hanging(column), indent, ("items",))
        return node

    def key_of(self, kind: str, node: Any) -> Key:
        if kind == "CompFor":
            # `ast` gives a comprehension's clause no position of its own: its iterable's is used.
            node = node.iter
        if isinstance(node, cst.GeneratorExp):
            # Its own place depends on whose parentheses are around it: its element's is used.
            node = node.elt
            while isinstance(node, cst.Tuple):
                node = node.elements[0].value
        place = self.get_metadata(PositionProvider, node)
        end = None if kind in STATEMENTS else (place.end.line, place.end.column)
        return Key(kind, (place.start.line, place.start.column), end)


def parenthesize(node: Any) -> Any:
    """`(await f()).x`: await binds less tightly than what may follow it."""
    field = "func" if isinstance(node, cst.Call) else "value"
    if isinstance(node, (cst.Attribute, cst.Call, cst.Subscript)):
        inner = getattr(node, field)
        if isinstance(inner, cst.Await) and not inner.lpar:
            wrapped = inner.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
            return node.with_changes(**{field: wrapped})
    return node
