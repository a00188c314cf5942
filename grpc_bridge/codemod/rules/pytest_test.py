"""A pytest function that awaits becomes a coroutine that pytest-asyncio runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..index import Function
from ..later import cst
from .base import Edit, Rule, View
from .syntax import name

AUTO = r"""^\s*asyncio_mode\s*=\s*["']?auto"""

RULE = Rule(
    id="GB601",
    slug="pytest-test",
    sentence="A pytest function that awaits becomes a coroutine that pytest-asyncio runs.",
    before="""\
def test_hi(stub):
    assert stub.Hi(request).text == "hi"
""",
    after="""\
@pytest.mark.asyncio
async def test_hi(stub):
    assert (await stub.Hi(request)).text == "hi"
""",
)


def match(view: View) -> Iterator[Edit]:
    fn = view.fn
    if not (view.becomes_async and fn.name.startswith("test")) or not is_test_file(fn.module.path):
        return
    if fn.parent is None or fn.parent.kind != "module" or unittest_class(fn) or auto_mode(fn.module.path):
        return
    view.plan.imports.add("pytest")
    yield view.edit(RULE, "FunctionDef", fn.node, mark)


def is_test_file(path: Path) -> bool:
    return path.name.startswith("test") or path.stem.endswith("_test")


def unittest_class(fn: Function) -> bool:
    return fn.cls is not None and any("TestCase" in base for base in fn.cls.all_external_bases())


def auto_mode(path: Path) -> bool:
    """True where pytest's configuration above `path` lets pytest-asyncio take every coroutine."""
    for folder in path.resolve().parents:
        for config in ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"):
            file = folder / config
            if file.is_file():
                text = file.read_text(encoding="utf-8", errors="replace")
                if "pytest" in text:
                    return re.search(AUTO, text, re.MULTILINE) is not None
        if (folder / ".git").exists():
            break
    return False


def mark(node: cst.FunctionDef) -> cst.FunctionDef:
    return node.with_changes(decorators=[cst.Decorator(name("pytest.mark.asyncio")), *node.decorators])
