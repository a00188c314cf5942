"""A pytest fixture that awaits becomes one of pytest-asyncio; one of a wider scope stays sync."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..later import cst
from ..values import Ext
from .base import Edit, Rule, View, report_cut
from .pytest_test import auto_mode
from .syntax import name

NAMES = frozenset({"pytest.fixture", "pytest.fixture()", "pytest.yield_fixture"})

RULE = Rule(
    id="GB602",
    slug="pytest-fixture",
    sentence="A pytest fixture that awaits becomes one of pytest-asyncio; one of a wider scope stays sync.",
    before="""\
@pytest.fixture
def stub():
    with grpc.insecure_channel(target) as channel:
        yield GreeterStub(channel)
""",
    after="""\
@pytest_asyncio.fixture
async def stub():
    async with grpc.insecure_channel(target) as channel:
        yield GreeterStub(channel)
""",
    remedy="Narrow its scope, or set a loop scope that is as wide.",
)


def match(view: View) -> Iterator[Edit]:
    yield from report_cut(view, RULE)
    fn = view.fn
    if not view.becomes_async or not view.facts.has_role(fn, "fixture") or auto_mode(fn.module.path):
        return
    for decorator in fn.decorators:
        if not any(isinstance(v, Ext) and v.path in NAMES for v in view.facts.of(decorator)):
            continue
        node = decorator.func if isinstance(decorator, ast.Call) else decorator
        view.plan.imports.add("pytest_asyncio")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            released = view.plan.released
            released[node.value.id] = released.get(node.value.id, 0) + 1
        yield view.edit(RULE, type(node).__name__, node, replace)


def replace(_: cst.BaseExpression) -> cst.BaseExpression:
    return name("pytest_asyncio.fixture")
