"""Edits that do no more than put a word into the text, which are most of all: they are made there.

What such an edit does to a tree, LibCST's way, is its `apply`. It is left to that wherever more than the word
may change: parentheses in doubt, lines that hang under others, other edits of the same statement.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from .prune import NOTHING, blocks, shares_line, start
from .rules import import_swap
from .rules.base import Apply, Edit, Key
from .rules.syntax import await_, make_async

WORDS: dict[tuple[str, Apply], str] = {
    ("Call", await_): "await ",
    ("FunctionDef", make_async): "async ",
    ("For", make_async): "async ",
}
SWAPS: dict[tuple[str, Apply], tuple[tuple[re.Pattern[str], str], ...]] = {
    ("Import", import_swap.swap_import): (
        (re.compile(r"import[ \t]+grpc(?=[ \t]*(?:[;#\r\n]|$))"), "_bridge as grpc"),
        (re.compile(r"import[ \t]+grpc(?=[ \t]+as[ \t]+\w+[ \t]*(?:[;#\r\n]|$))"), "_bridge"),
    ),
    ("ImportFrom", import_swap.swap_from): ((re.compile(r"from[ \t]+grpc(?=[ \t]+import\b)"), "_bridge"),),
}
"""What is put behind what, to swap an import."""
F_STRING = re.compile(r"""\b(?:[fF][rR]?|[rR][fF])["']""")
PART_OF_NAME = re.compile(r"(?:\w|\.[ \t]*)\Z")
TIGHTER = re.compile(r"[ \t]*[.(\[]")
"""What binds more tightly than `await` does."""
OPEN_END = re.compile(r"[ \t]*(?:[\\#\r\n]|$)")

Insertion = tuple[int, int, int, str]
"""A line, a column, what decides between two at one place, and what is put there."""


def insert(lines: Sequence[str], tree: ast.Module, edits: Sequence[Edit]) -> tuple[list[str], list[Edit]]:
    """The lines with words put in, and the edits that have to be made otherwise."""
    times = Counter(edit.key for edit in edits)
    starts = _starts(lines, tree)
    groups: dict[int, list[Edit]] = {}
    for edit in edits:
        groups.setdefault(bisect(starts, edit.key.start[0]), []).append(edit)
    changed = list(lines)
    left: list[Edit] = []
    for statement, group in groups.items():
        first = starts[statement - 1]
        last = starts[statement] - 1 if statement < len(starts) else len(lines)
        found = [_insertions(lines, starts, edit) if times[edit.key] == 1 else None for edit in group]
        if None in found or (
            any(F_STRING.search(line) for line in lines[first - 1 : last])
            and not all(_is_there(lines, edit.key) for edit in group)
        ):
            left += group
            continue
        for line, column, _, word in sorted(chain.from_iterable(filter(None, found)), reverse=True):
            text = changed[line - 1]
            changed[line - 1] = text[:column] + word + text[column:]
    return changed, left


def _starts(lines: Sequence[str], tree: ast.Module) -> list[int]:
    """The lines on which statements begin, with their decorators; not behind something else."""
    found: list[int] = []
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.stmt) and not shares_line(lines, node):
            found.append(start(node))
        for body in blocks(node):
            pending += body
    return sorted(found)


def _is_there(lines: Sequence[str], key: Key) -> bool:
    """True where a call is in fact: `ast` may err about places inside f-strings, before Python 3.12."""
    if key.end is None:
        return True
    text, (start, end) = lines[key.start[0] - 1], (key.start[1], key.end[1])
    try:
        node = ast.parse(text[start:end], mode="eval").body
    except SyntaxError:
        return False
    return isinstance(node, ast.Call) and not PART_OF_NAME.search(text, 0, start)


def _insertions(lines: Sequence[str], starts: Sequence[int], edit: Edit) -> list[Insertion] | None:
    """What makes the edit, if it can be made so."""
    (line, column), end = edit.key.start, edit.key.end
    text = lines[line - 1]
    for pattern, word in SWAPS.get((edit.key.kind, edit.apply), ()):
        if match := pattern.match(text, column):
            return [(line, match.end(), 0, word)]
    word = WORDS.get((edit.key.kind, edit.apply), "")
    if not word:
        return None
    if end is None:
        # A head of several lines may have to be aligned.
        place = bisect(starts, line)
        one_line = place < len(starts) and starts[place] == line + 1
        return [(line, column, 0, word)] if one_line else None
    if end[0] != line or text[end[1] - 1] != ")":
        return None
    if OPEN_END.match(text, end[1]) and TIGHTER.match(_next_code(lines, line)):
        return None
    if TIGHTER.match(text, end[1]):
        return [(line, column, -end[1], f"({word}"), (line, end[1], 0, ")")]
    return [(line, column, -end[1], word)]


def _next_code(lines: Sequence[str], line: int) -> str:
    """The first line below this one that is neither blank nor a comment."""
    return next((text for text in lines[line:] if not NOTHING.match(text)), "")
