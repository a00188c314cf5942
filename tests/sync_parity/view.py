"""The failure message of a parity test: the legs' records side by side, around the lines that differ."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Mapping, Sequence

from .record import Observation

_CONTEXT = 2
_MISSING = "-"


def side_by_side(records: Mapping[str, Sequence[Observation]], width: int = 150) -> str:
    """A table with one column per leg and a `>` before each row where they are not all equal."""
    legs = list(records)
    rows = _align([[f"{o.name}: {o.value}" for o in records[leg]] for leg in legs])
    differs = [len(set(row)) > 1 for row in rows]
    column = max(20, (width - 2) // len(legs) - 3)
    lines = [_row("  ", legs, column), _row("  ", ["-" * column] * len(legs), column)]
    skipped = False
    for index, row in enumerate(rows):
        if any(differs[max(0, index - _CONTEXT) : index + _CONTEXT + 1]):
            lines.append(_row("> " if differs[index] else "  ", row, column))
            skipped = False
        elif not skipped:
            lines.append("  ...")
            skipped = True
    return "\n".join(lines)


def _align(columns: list[list[str]]) -> list[list[str]]:
    """Rows in which each column's lines stand beside the first column's lines that they correspond to."""
    rows = [[line] for line in columns[0]]
    for done, column in enumerate(columns[1:], start=1):
        merged: list[list[str]] = []
        matcher = difflib.SequenceMatcher(a=[row[0] for row in rows], b=column, autojunk=False)
        for _, start, end, other_start, other_end in matcher.get_opcodes():
            left, right = rows[start:end], column[other_start:other_end]
            for index in range(max(len(left), len(right))):
                row = left[index] if index < len(left) else [_MISSING] * done
                merged.append([*row, right[index] if index < len(right) else _MISSING])
        rows = merged
    return rows


def _row(mark: str, cells: Sequence[str], width: int) -> str:
    wrapped = [textwrap.wrap(cell, width, break_on_hyphens=False) or [""] for cell in cells]
    lines = []
    for index in range(max(map(len, wrapped))):
        parts = [(cell[index] if index < len(cell) else "").ljust(width) for cell in wrapped]
        lines.append((mark + " | ".join(parts)).rstrip())
    return "\n".join(lines)
