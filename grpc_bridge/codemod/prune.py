"""Before LibCST reads a file: what no edit is about is taken out, and put back afterwards.

LibCST takes more time for a line than all the rest of the codemod. So each run of statements in which nothing
changes is one line while it reads: a name that stands in for them. What it gets is a module of the same
shape, with the heads of the blocks in which something changes.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
NOTHING = re.compile(r"[ \t]*(#.*)?[\r\n]*\Z")
"""A line that is blank, or a comment."""

Unit = list[ast.stmt]
"""A statement, or several that share a line."""


class Unfit(Exception):
    """The file has to be read as a whole."""


@dataclass(frozen=True)
class Pruned:
    """A module's text with names in place of statements."""

    text: str
    runs: dict[str, str]
    """Each line that stands in for others, and those."""
    kept: list[int]
    """Where each part that is as it was began, ..."""
    offsets: list[int]
    """... and by how many lines it has moved up."""

    def line(self, original: int) -> int:
        """Where a line that was kept is now."""
        return original - self.offsets[bisect(self.kept, original) - 1]

    def restored(self, text: str) -> str:
        """`text`, which was made of this one's, with the statements in their places.

        Raises `Unfit` where an edit has moved them: lines inside strings must not move along.
        """
        left = dict(self.runs)
        lines = [left.pop(line, line) for line in LINE.findall(text)]
        if left:
            raise Unfit
        return "".join(lines)


def prune(lines: Sequence[str], tree: ast.Module, wanted: Iterable[int]) -> Pruned:
    """A module without the statements that have none of the lines `wanted` in them; raises `Unfit`."""
    if any("\f" in line for line in lines) or len(set(map(line_end, lines)) - {""}) > 1:
        # What LibCST takes for a new line or for an indent may depend on what would be taken out.
        raise Unfit
    pruner = _Pruner(lines, sorted(wanted))
    pruner.top_level(tree.body)
    return Pruned("".join(pruner.out), pruner.runs, pruner.kept, pruner.offsets)


def whole(text: str) -> Pruned:
    """The text with all that is in it."""
    return Pruned(text, {}, [1], [0])


@dataclass
class _Pruner:
    lines: Sequence[str]
    wanted: list[int]
    name: str = "_pruned_"
    runs: dict[str, str] = field(default_factory=dict)
    out: list[str] = field(default_factory=list)
    done: int = 0
    """So many lines are in `out`, or something that stands in for them."""
    kept: list[int] = field(default_factory=lambda: [1])
    offsets: list[int] = field(default_factory=lambda: [0])
    indented: bool = False
    """A block was kept: the first one tells LibCST how deep new ones are."""

    def __post_init__(self) -> None:
        while any(self.name in line for line in self.lines):
            self.name += "_"

    def top_level(self, body: list[ast.stmt]) -> None:
        """Imports come and go with a view to what stands around them, so each statement keeps its place."""
        for unit in _units(body):
            if self.keeps(unit) or unit[0] is body[0] or isinstance(unit[0], (ast.Import, ast.ImportFrom)):
                self.inside(unit)
            else:
                self.replace([unit])
        self.keep(len(self.lines))

    def block(self, body: list[ast.stmt]) -> None:
        run: list[Unit] = []
        for unit in _units(body):
            if self.keeps(unit):
                self.replace(run)
                run = []
                self.inside(unit)
            else:
                run.append(unit)
        self.replace(run)

    def inside(self, unit: Unit) -> None:
        """Go on with the blocks of a statement that is kept, if they stand on lines of their own."""
        for body in blocks(unit[0]) if len(unit) == 1 else ():
            self.block(body)

    def keeps(self, unit: Unit) -> bool:
        """True for what changes, or holds something that does, and for what no line can stand in for."""
        first = unit[0]
        top = start(first)
        place = bisect(self.wanted, top - 1)
        if place < len(self.wanted) and self.wanted[place] <= (unit[-1].end_lineno or top):
            return True
        if shares_line(self.lines, first) or self.lines[top - 1].startswith("elif", first.col_offset):
            return True
        if not self.indented and any(not shares_line(self.lines, body[0]) for body in blocks(first)):
            self.indented = True
            return True
        return False

    def replace(self, run: list[Unit]) -> None:
        """Let one line stand in for statements that follow each other."""
        if not run:
            return
        first, last = run[0][0], run[-1][-1]
        top, end = start(first), self.end(last)
        self.keep(top - 1)
        stand_in = f"{self.name}{len(self.runs)}"
        if isinstance(first, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            # Imports keep more distance from these.
            stand_in = f"def {stand_in}(): pass"
        line = self.lines[top - 1][: first.col_offset] + stand_in + line_end(self.lines[end - 1])
        self.runs[line] = "".join(self.lines[top - 1 : end])
        self.out.append(line)
        self.done = end
        self.kept.append(end + 1)
        self.offsets.append(self.offsets[-1] + end - top)

    def end(self, last: ast.stmt) -> int:
        """The last line of a statement, with the comments below it that are as deep as its blocks."""
        end = found = last.end_lineno or last.lineno
        if any(blocks(last)):
            while found < len(self.lines) and (comment := NOTHING.match(self.lines[found])):
                found += 1
                if comment[1] and comment.start(1) > last.col_offset:
                    end = found
        return end

    def keep(self, end: int) -> None:
        """Take over all lines up to this one that were not seen to."""
        self.out += self.lines[self.done : end]
        self.done = end


def line_end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def start(node: ast.stmt) -> int:
    """The first line of a statement, with its decorators."""
    decorators = getattr(node, "decorator_list", None)
    return decorators[0].lineno if decorators else node.lineno


def shares_line(lines: Sequence[str], node: ast.stmt) -> bool:
    """True where something stands before a statement: `if x: y`."""
    return bool(lines[start(node) - 1][: node.col_offset].strip())


def _units(body: list[ast.stmt]) -> Iterator[Unit]:
    unit: Unit = []
    for node in body:
        if unit and start(node) > (unit[-1].end_lineno or 0):
            yield unit
            unit = []
        unit.append(node)
    if unit:
        yield unit


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The blocks of a compound statement, in the order of the text."""
    body = getattr(node, "body", None)
    if body:
        yield body
    parts = (*getattr(node, "handlers", ()), *getattr(node, "cases", ()))
    yield from (part.body for part in parts)
    for name in ("orelse", "finalbody"):
        block = getattr(node, name, None)
        if block:
            yield block
