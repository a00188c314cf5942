"""Walking through `ast` trees, many times as fast as `ast` itself does: nothing here costs more."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

_LEAVES = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
_NEVER_NODES = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "module", "level", "asname", "kind", "type_comment"}
    | {"conversion", "simple", "is_async", "n", "s"}
)
"""Fields that hold no node, or none but those that are left out, whatever they are a field of."""
_fields: dict[type[ast.AST], tuple[str, ...]] = {}
"""Of each kind of node, those that may hold nodes."""
_is_node: dict[type, bool] = {}


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below one, in the order of the text; without `Load`, `Add` and their like."""
    kind = node.__class__
    fields = _fields.get(kind)
    if fields is None:
        fields = _fields[kind] = _fields_of(kind)
    found: list[ast.AST] = []
    for name in fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [item for item in value if _is_node.get(item.__class__)]
        elif _is_node.get(value.__class__):
            found.append(value)  # type: ignore[arg-type]
    return found


def _fields_of(kind: type[ast.AST]) -> tuple[str, ...]:
    if issubclass(kind, (ast.Constant, ast.Global, ast.Nonlocal)):
        return ()
    return tuple(name for name in kind._fields if name not in _NEVER_NODES)


def _note(kind: type[ast.AST]) -> None:
    """Remember all kinds of node."""
    _is_node[kind] = not issubclass(kind, _LEAVES)
    for below in kind.__subclasses__():
        _note(below)


_note(ast.AST)


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and everything below it, in no order that matters."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending += children(node)


def defaults(args: ast.arguments) -> list[tuple[ast.arg, ast.expr]]:
    """The parameters that have a default, each with it."""
    positional = [*args.posonlyargs, *args.args]
    pairs = zip(positional[len(positional) - len(args.defaults) :], args.defaults, strict=True)
    named = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    return [*pairs, *((arg, value) for arg, value in named if value is not None)]


def is_none(node: ast.expr) -> bool:
    """True for `None` as it is written."""
    return isinstance(node, ast.Constant) and node.value is None


def parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    """The node above each one that is below `tree`."""
    found: dict[ast.AST, ast.AST] = {}
    pending = [tree]
    while pending:
        node = pending.pop()
        below = children(node)
        for child in below:
            found[child] = node
        pending += below
    return found


def in_generator(node: ast.AST, above: Mapping[ast.AST, ast.AST]) -> bool:
    """True inside a generator expression, which runs when it is asked to; `above` has the parents."""
    return generator_around(node, above) is not None


def generator_around(node: ast.AST, above: Mapping[ast.AST, ast.AST]) -> ast.GeneratorExp | None:
    """The innermost generator expression that a node is in."""
    while not isinstance(node, (ast.stmt, ast.Lambda)):
        if isinstance(node, ast.GeneratorExp):
            return node
        node = above[node]
    return None
