"""A `@contextmanager` function that awaits becomes an `@asynccontextmanager`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..later import cst
from ..values import Ext
from .base import Edit, Rule, View

RULE = Rule(
    id="GB210",
    slug="async-context-manager",
    sentence="A `@contextmanager` function that awaits becomes an `@asynccontextmanager`.",
    before="""\
@contextlib.contextmanager
def connected(target):
    with grpc.insecure_channel(target) as channel:
        yield GreeterStub(channel)
""",
    after="""\
@contextlib.asynccontextmanager
async def connected(target):
    async with grpc.insecure_channel(target) as channel:
        yield GreeterStub(channel)
""",
)

NAME = "contextlib.contextmanager"


def match(view: View) -> Iterator[Edit]:
    if not view.becomes_async:
        return
    for decorator in view.fn.decorators:
        if not any(isinstance(v, Ext) and v.path == NAME for v in view.facts.of(decorator)):
            continue
        if isinstance(decorator, ast.Attribute):
            yield view.edit(RULE, "Attribute", decorator, rename_attribute)
        else:
            yield view.edit(RULE, "Name", decorator, replace_name)
            yield from import_beside(view)


def import_beside(view: View) -> Iterator[Edit]:
    """`from contextlib import contextmanager` gains the other name."""
    for node in ast.walk(view.module.source.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "contextlib":
            names = {alias.name for alias in node.names}
            if "contextmanager" in names and node not in view.plan.claimed:
                view.plan.claimed.add(node)
                yield view.edit(RULE, "ImportFrom", node, partial(extend_import, swap=all_converted(view)))


def all_converted(view: View) -> bool:
    """True where every context manager of the module changes, so that the old name is used no more."""
    managers = [fn for fn in view.module.functions if view.facts.has_role(fn, "contextmanager")]
    return all(view.colours.is_async(fn) for fn in managers)


def rename_attribute(node: cst.Attribute) -> cst.Attribute:
    return node.with_changes(attr=cst.Name("asynccontextmanager"))


def replace_name(node: cst.Name) -> cst.Name:
    return node.with_changes(value="asynccontextmanager")


def extend_import(node: cst.ImportFrom, swap: bool) -> cst.ImportFrom:
    if isinstance(node.names, cst.ImportStar) or any(
        alias.evaluated_name == "asynccontextmanager" for alias in node.names
    ):
        return node
    names: list[cst.ImportAlias] = []
    for alias in node.names:
        if alias.evaluated_name != "contextmanager":
            names.append(alias)
        elif swap:
            names.append(alias.with_changes(name=cst.Name("asynccontextmanager")))
        else:
            comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
            names.append(cst.ImportAlias(cst.Name("asynccontextmanager"), comma=comma))
            names.append(alias)
    return node.with_changes(names=names)
