"""docs/differences.md: each number, and each limit, names tests that are there."""

from __future__ import annotations

import re

from .pages import ROOT

PAGE = (ROOT / "docs" / "differences.md").read_text("utf-8")
ITEM = re.compile(r"^(?:(\d+)\.|-) \*\*.*?(?=^(?:\d+\.|-) \*\*|^## |\Z)", re.MULTILINE | re.DOTALL)
SHOWN_BY = re.compile(r"<!-- shown by\s(.*?) -->", re.DOTALL)


def test_the_numbers_count() -> None:
    numbers = [int(match[1]) for match in ITEM.finditer(PAGE) if match[1]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_each_is_shown_by_tests() -> None:
    items = [match[0] for match in ITEM.finditer(PAGE)]
    assert len(items) >= 9
    for item in items:
        shown = SHOWN_BY.findall(item)
        assert len(shown) == 1, f"<!-- shown by tests/...::test_... --> has to stand below\n{item}"
        for test in shown[0].split():
            file, name = test.split("::")
            assert re.search(rf"\b(?:def )?{name}\b", (ROOT / file).read_text("utf-8")), test
