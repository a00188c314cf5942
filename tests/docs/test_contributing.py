"""CONTRIBUTING.md's table names every module, once, and nothing that is not there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .pages import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
CELLS = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)


def named() -> Iterator[Path]:
    """What the table names; after the first name of a line, the others lie in its folder."""
    for cell in CELLS:
        folder = ROOT
        for position, name in enumerate(re.findall(r"`([^`]+)`", cell)):
            path = (folder if position and "/" not in name else ROOT) / name
            if position == 0:
                folder = path.parent
            yield path


def test_what_the_table_names_is_there() -> None:
    assert [str(path) for path in named() if not path.exists()] == []


def test_nothing_is_in_the_table_twice() -> None:
    assert [str(path) for path, times in Counter(named()).items() if times > 1] == []


def test_every_module_is_in_the_table() -> None:
    table = set(named())
    modules = {
        path
        for pattern in ("*.py", "*.pyx", "*.pxd")
        for path in (ROOT / "grpc_bridge").rglob(pattern)
        if path.stem != "__main__"
        and not (path.stem == "__init__" and path.parent != ROOT / "grpc_bridge")
        # A module's declarations lie beside it.
        and not (path.suffix == ".pxd" and path.with_suffix(".pyx").exists())
    }
    # A line may stand for a folder with all that is in it; not where other lines name modules of that.
    in_full = table - {path.parent for path in table if path.suffix}
    missing = [
        str(path.relative_to(ROOT))
        for path in sorted(modules - table)
        if not table & in_full & set(path.parents)
    ]
    assert missing == []


def test_every_folder_of_tests_is_in_the_table() -> None:
    folders = {
        path for path in (ROOT / "tests").iterdir() if path.is_dir() and (path / "__init__.py").exists()
    }
    assert sorted(path.name for path in folders - set(named())) == []
