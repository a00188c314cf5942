"""A TestCase whose tests await becomes an IsolatedAsyncioTestCase."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..later import cst
from ..sites import CallSite
from ..values import Ext, Func
from .base import Apply, Edit, Rule, View
from .pytest_test import unittest_class
from .syntax import name as syntax_name
from .syntax import spaced

RULE = Rule(
    id="GB603",
    slug="unittest-case",
    sentence="A TestCase whose tests await becomes an IsolatedAsyncioTestCase.",
    before="""\
class TestHi(unittest.TestCase):
    def test_hi(self):
        self.assertEqual(self.stub.Hi(request).text, "hi")
        self.assertRaises(grpc.RpcError, self.stub.Hi, wrong)
""",
    after="""\
class TestHi(unittest.IsolatedAsyncioTestCase):
    async def test_hi(self):
        self.assertEqual((await self.stub.Hi(request)).text, "hi")
        with self.assertRaises(grpc.RpcError):
            await self.stub.Hi(wrong)
""",
)

SETUP = {"setUp": "asyncSetUp", "tearDown": "asyncTearDown"}
ISOLATED = "IsolatedAsyncioTestCase"
NAMES = frozenset({"unittest.TestCase", "unittest.case.TestCase"})


def match(view: View) -> Iterator[Edit]:
    fn = view.fn
    if fn.kind == "module":
        yield from classes(view)
    for site in view.sites(CallSite):
        if site.expected is not None and view.spelling(site) == "await":
            statement = view.graph.parents[site.node]
            place = site.node.args.index(site.expected)
            yield view.edit(RULE, "SimpleStatementLine", statement, partial(in_with, place=place))
    if view.becomes_async and fn.cls is not None and fn.name in SETUP and unittest_class(fn):
        yield view.edit(RULE, "FunctionDef", fn.node, partial(rename, name=SETUP[fn.name]))
        for call in ast.walk(fn.node):
            # `super().setUp()` is the base's own, which stays.
            if isinstance(call, ast.Attribute) and call.attr == fn.name and is_program_super(view, call):
                yield view.edit(RULE, "Attribute", call, partial(rename_attribute, name=SETUP[fn.name]))


def is_program_super(view: View, node: ast.Attribute) -> bool:
    return any(
        isinstance(value, Func) and view.colours.is_async(view.facts.target(value))
        for value in view.facts.of(node)
    )


def classes(view: View) -> Iterator[Edit]:
    for cls in view.module.classes.values():
        family = [cls, *cls.descendants()]
        methods = [m for member in family for m in member.methods.values()]
        wanted = any(
            view.colours.is_async(m) and not m.is_async and (m.name.startswith("test") or m.name in SETUP)
            for m in methods
        )
        for base in cls.node.bases:
            if wanted and any(isinstance(v, Ext) and v.path in NAMES for v in view.facts.of(base)):
                change: Apply = isolate
                if isinstance(base, ast.Name) and imported_from(view, base.id):
                    view.plan.names.add(("unittest", ISOLATED))
                    view.release(base)
                    change = isolate_name
                elif isinstance(base, ast.Name):
                    view.plan.imports.add("unittest")
                yield view.edit(RULE, type(base).__name__, base, change, functions=methods)


def imported_from(view: View, name: str) -> bool:
    """True where a module has `from unittest import TestCase`."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "unittest"
        and any(alias.name == name and alias.asname is None for alias in node.names)
        for node in view.module.imports
    )


def in_with(node: cst.SimpleStatementLine, place: int) -> cst.With:
    """`self.assertRaises(ValueError, f, 1)` as `with self.assertRaises(ValueError): await f(1)`."""
    call = cst.ensure_type(cst.ensure_type(node.body[0], cst.Expr).value, cst.Call)
    inner = cst.Call(call.args[place].value, spaced(list(call.args[place + 1 :])))
    *others, last = call.args[:place]
    outer = call.with_changes(args=[*others, last.with_changes(comma=cst.MaybeSentinel.DEFAULT)])
    body = node.with_changes(body=[cst.Expr(cst.Await(inner))], leading_lines=[])
    return cst.With([cst.WithItem(outer)], cst.IndentedBlock([body]), leading_lines=node.leading_lines)


def isolate(node: cst.Name | cst.Attribute) -> cst.BaseExpression:
    if isinstance(node, cst.Attribute):
        return node.with_changes(attr=cst.Name(ISOLATED))
    return syntax_name(f"unittest.{ISOLATED}")


def isolate_name(node: cst.Name) -> cst.Name:
    return node.with_changes(value=ISOLATED)


def rename(node: cst.FunctionDef, name: str) -> cst.FunctionDef:
    return node.with_changes(name=cst.Name(name))


def rename_attribute(node: cst.Attribute, name: str) -> cst.Attribute:
    return node.with_changes(attr=cst.Name(name))
