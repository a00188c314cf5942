"""Builtins and standard functions over streams: which read one lazily, and which read it whole."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from .index import Function, own_nodes
from .infer import Facts
from .values import BoxMember, Ext

Use = Literal["whole", "next", "any", "for", "comprehension"]


@dataclass(frozen=True)
class Adapter:
    """What gives on what it reads, one by one; asyncstdlib has a counterpart of the same name."""

    name: str
    first: int = 0
    last: int | None = 1
    """Which arguments it reads; None is all the rest."""


LAZY: Mapping[str, Adapter] = {
    "builtins.enumerate": Adapter("enumerate"),
    "builtins.zip": Adapter("zip", last=None),
    "builtins.map": Adapter("map", 1, None),
    "builtins.filter": Adapter("filter", 1, 2),
    "itertools.accumulate": Adapter("accumulate"),
    "itertools.batched": Adapter("batched"),
    "itertools.chain": Adapter("chain", last=None),
    "itertools.dropwhile": Adapter("dropwhile", 1, 2),
    "itertools.filterfalse": Adapter("filterfalse", 1, 2),
    "itertools.islice": Adapter("islice"),
    "itertools.pairwise": Adapter("pairwise"),
    "itertools.starmap": Adapter("starmap", 1, 2),
    "itertools.takewhile": Adapter("takewhile", 1, 2),
    "itertools.zip_longest": Adapter("zip_longest", last=None),
}

_BUILTINS = frozenset(
    {"list", "tuple", "set", "frozenset", "sorted", "sum", "min", "max", "any", "all", "dict"}
)  # fmt: skip

WHOLE = frozenset(
    {
        *(f"builtins.{name}" for name in _BUILTINS),
        "collections.Counter", "collections.OrderedDict", "collections.deque", "functools.reduce",
        "heapq.nlargest", "heapq.nsmallest", "math.fsum", "math.prod", "statistics.mean",
        "statistics.median",
    }
)  # fmt: skip
"""Functions that read an iterable to its end; a list is as good to them."""

METHODS = frozenset({"extend", "extendleft", "join", "union", "update", "writelines"})
"""The same, of containers, strings and files."""


def adapter(call: ast.AST, facts: Facts) -> Adapter | None:
    """What a call makes of the streams that it is given; None for other calls."""
    if not isinstance(call, ast.Call):
        return None
    found = {LAZY.get(value.path) for value in facts.of(call.func) if isinstance(value, Ext)}
    return found.pop() if len(found) == 1 else None


def sources(node: ast.expr, facts: Facts, through: list[ast.Call]) -> Iterator[ast.expr]:
    """The expressions that iterating over `node` reads: those of the adapters in it, else itself.

    The adapters are added to `through`, outermost first.
    """
    found = adapter(node, facts)
    if found is None or not isinstance(node, ast.Call):
        yield node
        return
    through.append(node)
    for argument in node.args[found.first : found.last]:
        yield from sources(argument, facts, through)


def reads_whole(call: ast.Call, facts: Facts) -> bool:
    """True for a call that reads the iterables among its arguments to their end, here and now."""
    callees = facts.of(call.func)
    if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS:
        return all(isinstance(value, (BoxMember, Ext)) for value in callees)
    return bool(callees) and all(isinstance(value, Ext) and value.path in WHOLE for value in callees)


def at_once(node: ast.Call, facts: Facts, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """True where what an adapter gives is read where it stands, and not kept for later."""
    parent = parents.get(node)
    if isinstance(parent, (ast.For, ast.comprehension)):
        return parent.iter is node
    if isinstance(parent, ast.Starred):
        return isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.YieldFrom):
        return True
    if isinstance(parent, ast.Call) and node in parent.args:
        if reads_whole(parent, facts):
            return True
        outer = adapter(parent, facts)
        read = parent.args[outer.first : outer.last] if outer else []
        return node in read and at_once(parent, facts, parents)
    return False


def use_of(generator: ast.GeneratorExp, facts: Facts, parents: Mapping[ast.AST, ast.AST]) -> Use | None:
    """How a generator expression is read where it stands; None where it is handed on.

    `whole`: to its end, so that a list does as well. `any`: by `any` or `all`, as far as needed.
    """
    parent = parents.get(generator)
    if isinstance(parent, ast.For) and parent.iter is generator:
        return "for"
    if isinstance(parent, ast.comprehension) and parent.iter is generator:
        return "comprehension"
    if not isinstance(parent, ast.Call) or generator not in parent.args:
        return None
    paths = {value.path for value in facts.of(parent.func) if isinstance(value, Ext)}
    if paths == {"builtins.next"} and parent.args[0] is generator:
        return "next"
    if paths <= {"builtins.any", "builtins.all"} and len(paths) == 1:
        return "any"
    return "whole" if reads_whole(parent, facts) else None


def named(fn: Function) -> dict[str, ast.GeneratorExp]:
    """The generator expressions that a function keeps in variables of its own, each bound once."""
    found: dict[str, ast.GeneratorExp] = {}
    bound: list[str] = [arg.arg for arg in fn.params]
    for node in own_nodes(fn):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.append(node.id)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.GeneratorExp):
            target = node.targets[0]
            if len(node.targets) == 1 and isinstance(target, ast.Name):
                found[target.id] = node.value
    return {
        name: value
        for name, value in found.items()
        if fn.kind == "def" and bound.count(name) == 1 and name not in fn.outer
    }


def read_by_name(
    generator: ast.GeneratorExp, fn: Function, facts: Facts, parents: Mapping[ast.AST, ast.AST]
) -> bool:
    """True for a generator expression in a variable that the function only iterates over."""
    name = next((name for name, value in named(fn).items() if value is generator), None)
    if name is None:
        return False
    reads = [n for n in ast.walk(fn.node) if isinstance(n, ast.Name) and n.id == name]
    own = set(own_nodes(fn))
    return all(
        isinstance(node.ctx, ast.Store) or (node in own and _iterated(node, facts, parents)) for node in reads
    )


def _iterated(node: ast.Name, facts: Facts, parents: Mapping[ast.AST, ast.AST]) -> bool:
    parent = parents[node]
    if isinstance(parent, (ast.For, ast.comprehension)):
        return parent.iter is node
    if not isinstance(parent, ast.Call) or node not in parent.args:
        return False
    steps = facts.of(parent.func) == frozenset({Ext("builtins.next")}) and parent.args[0] is node
    return steps or (len(parent.args) == 1 and reads_whole(parent, facts))
