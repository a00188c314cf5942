"""The pages of the documentation, and the examples in them.

An example is a fenced block. What becomes of it is said by its language, and by a comment above it:

    <!-- file: NAME -->             it is written to that file of the page's folder
    <!-- serves -->                 it starts a server and waits: it is called, and then stopped
    <!-- run by tests/... -->       that module runs it
    <!-- not run: REASON -->        nobody does

Such a comment that has no block behind it holds for every block below it that has none of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
GENERATED = frozenset({"performance.md"})
"""Pages that a measurement writes."""

Mark = Literal["file", "serves", "run by", "not run"]

_MARK = re.compile(r"<!-- (file|serves|run by|not run):? ?(.*?) -->")
_DIRECTIVE = "{"
_NOTHING: tuple[Any, ...] = (None, "")


@dataclass(frozen=True)
class Example:
    """A fenced block."""

    page: str
    line: int
    """The line of its first line of code, counted from 1."""

    language: str
    code: str
    mark: Mark | None
    said: str
    """What the mark says: a file's name, a module, a reason."""

    heading: str
    """The heading that it stands under."""

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def runs(self) -> bool:
        """True where running the page runs it."""
        return self.mark not in ("run by", "not run")


def pages() -> list[str]:
    """Every page that people read, by its path from the top."""
    docs = sorted(page for page in (ROOT / "docs").glob("*.md") if page.name not in GENERATED)
    return [str(page.relative_to(ROOT)) for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *docs)]


def examples(page: str) -> list[Example]:
    """The examples of a page, in their order."""
    found: list[Example] = []
    above = everywhere = _NOTHING
    heading, in_heading = "", False
    for token in MarkdownIt("commonmark").parse((ROOT / page).read_text("utf-8")):
        if token.type == "html_block" and (mark := _MARK.search(token.content)):
            above = mark.groups()
            continue
        if token.type == "fence" and not token.info.startswith(_DIRECTIVE):
            assert token.map is not None
            kind, said = above if above != _NOTHING else everywhere
            line, language = token.map[0] + 2, token.info.strip()
            found.append(
                Example(page, line, language, token.content, cast("Mark | None", kind), said, heading)
            )
        elif above != _NOTHING:
            everywhere = above
        above = _NOTHING
        if in_heading:
            heading = token.content
        in_heading = token.type == "heading_open"
    return found
