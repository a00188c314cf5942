"""Pieces of concrete syntax that several rules build."""

from __future__ import annotations

from typing import Any

from ..later import cst


def async_() -> cst.Asynchronous:
    """The word before `def`, `for` and `with`."""
    return cst.Asynchronous(whitespace_after=cst.SimpleWhitespace(" "))


def make_async(node: Any) -> Any:
    """`async` before a `def`, a `for` (a comprehension's, too) or a `with` that has none."""
    if isinstance(node.asynchronous, cst.Asynchronous):
        return node
    return node.with_changes(asynchronous=async_())


def renamed(node: cst.Call, function: str) -> cst.Call:
    """The same call of another function."""
    return node.with_changes(func=name(function))


def comma() -> cst.Comma:
    """One with a space behind it."""
    return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def await_(node: cst.BaseExpression) -> cst.Await:
    """`await node`; parentheses that were around `node` are around the whole."""
    bare = node.with_changes(lpar=[], rpar=[])
    return cst.Await(expression=bare, lpar=list(node.lpar), rpar=list(node.rpar))


def name(dotted: str) -> cst.Name | cst.Attribute:
    """`a.b.c` as an expression."""
    head, *rest = dotted.split(".")
    node: cst.Name | cst.Attribute = cst.Name(head)
    for part in rest:
        node = cst.Attribute(value=node, attr=cst.Name(part))
    return node


def wrap_call(function: str, node: cst.BaseExpression) -> cst.Call:
    """`function(node)`."""
    bare = node.with_changes(lpar=[], rpar=[])
    return cst.Call(func=name(function), args=[cst.Arg(bare)], lpar=list(node.lpar), rpar=list(node.rpar))


def prepend_argument(node: cst.Call, function: str) -> cst.Call:
    """`f(a)` as `function(f, a)`, with the layout of its arguments kept."""
    callee = node.func
    first = cst.Arg(callee, comma=comma() if node.args else cst.MaybeSentinel.DEFAULT)
    return node.with_changes(func=name(function), args=[first, *node.args])


def to_thread(node: cst.Call) -> cst.Await:
    """`f(a)` as `await asyncio.to_thread(f, a)`."""
    return await_(prepend_argument(node, "asyncio.to_thread"))


def keyword(name: str, value: cst.BaseExpression) -> cst.Arg:
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return cst.Arg(value, keyword=cst.Name(name), equal=equal)


def spaced(args: list[cst.Arg]) -> list[cst.Arg]:
    """Arguments with a comma and a space between them."""
    return [*(arg.with_changes(comma=comma()) for arg in args[:-1]), *args[-1:]]


def list_comprehension(iterable: cst.BaseExpression, variable: str) -> cst.ListComp:
    """`[variable async for variable in iterable]`."""
    return cst.ListComp(
        elt=cst.Name(variable),
        for_in=cst.CompFor(target=cst.Name(variable), iter=iterable, asynchronous=async_()),
    )
