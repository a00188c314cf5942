"""Methods that Python calls where no call is written: `len(x)`, `a in x`, `x == y`, `if x`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .index import Function
from .infer import Facts
from .values import Ext, Inst

BUILTINS = {
    "builtins.len": ("__len__",),
    "builtins.bool": ("__bool__", "__len__"),
    "builtins.str": ("__str__", "__repr__"),
    "builtins.repr": ("__repr__",),
    "builtins.int": ("__int__",),
    "builtins.float": ("__float__",),
    "builtins.hash": ("__hash__",),
    "builtins.abs": ("__abs__",),
}
"""What builtins of one argument call; of several names, the first that there is."""

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "__eq__",
    ast.NotEq: "__eq__",
    ast.Lt: "__lt__",
    ast.LtE: "__le__",
    ast.Gt: "__gt__",
    ast.GtE: "__ge__",
}

OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.Div: "__truediv__",
    ast.FloorDiv: "__floordiv__",
    ast.Mod: "__mod__",
    ast.BitAnd: "__and__",
    ast.BitOr: "__or__",
    ast.BitXor: "__xor__",
}


@dataclass(frozen=True)
class Use:
    """At `node` Python calls one of `methods`; `truth` where it asks whether `node` is true."""

    node: ast.expr
    methods: set[Function]
    truth: bool = False
    stores: bool = False
    """Something is put there, or taken away."""


def uses(node: ast.AST, facts: Facts) -> Iterator[Use]:
    """What `node` makes Python call, apart from what its parts make it call."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        for value in facts.of(node.func):
            if isinstance(value, Ext) and value.path in BUILTINS:
                yield Use(node, methods(node.args[0], BUILTINS[value.path], facts))
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        found: set[Function] = set()
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if isinstance(operator, (ast.In, ast.NotIn)):
                found |= methods(right, ("__contains__",), facts)
            elif type(operator) in COMPARISONS:
                found |= methods(left, (COMPARISONS[type(operator)],), facts)
        yield Use(node, found)
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        yield Use(node, methods(node.left, (OPERATORS[type(node.op)],), facts))
    elif isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        yield Use(node, stores(node, facts), stores=True)
    elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield Use(node.test, methods(node.test, BUILTINS["builtins.bool"], facts), truth=True)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield Use(node.operand, methods(node.operand, BUILTINS["builtins.bool"], facts), truth=True)


def stores(node: ast.Attribute | ast.Subscript, facts: Facts) -> set[Function]:
    """What an assignment to `node` calls, or a `del` of it."""
    sets = isinstance(node.ctx, ast.Store)
    found: set[Function | None] = set()
    for value in facts.of(node.value):
        if not isinstance(value, Inst):
            continue
        if isinstance(node, ast.Subscript):
            found.add(value.cls.find_method("__setitem__" if sets else "__delitem__"))
            continue
        found.add(value.cls.find_method("__setattr__" if sets else "__delattr__"))
        key = (node.attr, "setter" if sets else "deleter")
        found.update(cls.accessors.get(key) for cls in value.cls.ancestors())
    return {method for method in found if method is not None}


def methods(node: ast.expr, names: tuple[str, ...], facts: Facts) -> set[Function]:
    """The first of these methods that each class has of which `node` may be an instance."""
    found = set()
    for value in facts.of(node):
        if isinstance(value, Inst):
            known = (value.cls.find_method(name) for name in names)
            found.update([method for method in known if method is not None][:1])
    return found
