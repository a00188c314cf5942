"""The project's own formatter, black or ruff: a file that was as it leaves files is so after the rewriting.

`await` makes lines longer. Where a formatter is configured and installed, and had nothing to change in a file
before, it sees to that; it is never let loose on a file that it would have changed anyhow.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

TIMEOUT = 60
"""Seconds for one file."""

BLACK = ("black", "-q", "-")
RUFF = ("ruff", "format", "-q", "-")


def tidied(texts: Mapping[Path, tuple[str, str]]) -> dict[Path, str]:
    """What formatters make of files; given are the texts before and after the rewriting.

    Only files that become different from what they were rewritten to are in the result.
    """
    commands = {path: command for path in texts if (command := _command(path.resolve().parent))}
    if not commands:
        return {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda path: _tidied(commands[path], path, *texts[path]), commands)
        return {path: text for path, text in zip(commands, found, strict=True) if text is not None}


def _tidied(command: tuple[str, ...], path: Path, before: str, after: str) -> str | None:
    text = _formatted(command, path, after)
    if text in (None, after) or _formatted(command, path, before) != before:
        return None
    return text if text is not None and _same(text, after) else None


def _same(text: str, other: str) -> bool:
    """True where two texts are laid out differently, and say the same."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(text)) == ast.dump(ast.parse(other))
    except (SyntaxError, ValueError):
        return False


def _formatted(command: tuple[str, ...], path: Path, text: str) -> str | None:
    """The text as the formatter leaves it; None where it fails."""
    # Standard input has no name of its own; and of a relative one ruff does not look at the folders above.
    place = path.resolve()
    name = place if place.suffix == ".py" else place.parent / "source.py"
    try:
        done = subprocess.run(
            [*command, "--stdin-filename", name],
            cwd=place.parent,
            # black is a Python program: it is to import nothing of the project.
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            input=text.encode(),
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
        )
        return done.stdout.decode()
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return None


@cache
def _command(folder: Path) -> tuple[str, ...] | None:
    """How the formatter of a folder's project is run; None where there is none."""
    for place in (folder, *folder.parents):
        for program, *arguments in _configured(place):
            found = shutil.which(program, path=os.path.dirname(sys.executable)) or shutil.which(program)
            return (found, *arguments) if found else None
        if (place / ".git").exists():
            break
    return None


def _configured(folder: Path) -> Iterable[tuple[str, ...]]:
    """The formatters that a folder's files configure; black first, for beside it ruff is a linter."""
    file = folder / "pyproject.toml"
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    if "[tool.black" in text:
        yield BLACK
    if "[tool.ruff" in text or any((folder / name).is_file() for name in ("ruff.toml", ".ruff.toml")):
        yield RUFF
