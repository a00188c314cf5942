"""What a run has to say: every change and every cut, with its place and its rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, order=True)
class Finding:
    """One line of the report; a `cut` is left for a person to know of, a `change` was made."""

    path: Path
    line: int
    column: int
    rule: str
    message: str
    kind: Literal["change", "cut"] = "cut"
    decide: bool = False
    """A cut whose code may run on a loop's thread or under a lock: a person has to look at it."""
    source: str = field(default="", compare=False)
    """The line of code, without its indentation."""
