"""Rules, files and docs name the same things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grpc_bridge.codemod import rules
from grpc_bridge.codemod.rules.base import Rule

DOCS = Path(__file__).parents[2] / "docs" / "rules.md"
HEADING = re.compile(r"^### (GB\d{3}) ([a-z-]+)$", re.MULTILINE)
HELPERS = {"__init__", "base", "primitive", "syntax"}


def test_ids_are_unique_and_well_formed() -> None:
    ids = [rule.id for rule in rules.RULES]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"GB\d{3}", id_) for id_ in ids)


def test_a_rule_is_a_file_of_its_name() -> None:
    files = {path.stem for path in Path(rules.__file__).parent.glob("*.py")} - HELPERS
    assert files == {rule.slug.replace("-", "_") for rule in rules.RULES}
    assert len(rules.MODULES) == len(files)


def test_the_page_lists_the_same_rules() -> None:
    assert HEADING.findall(DOCS.read_text()) == [(rule.id, rule.slug) for rule in rules.RULES]


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.slug)
def test_the_page_says_what_the_rule_says(rule: Rule) -> None:
    assert rule.documentation() in DOCS.read_text()
