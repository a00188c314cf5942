"""Methods without a body that stand for generators: abstract ones, and those of protocols.

What overrides one is all that there is to run, so it is taken for what those are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .index import Class, Function, Program

PROTOCOLS = frozenset({"typing.Protocol", "typing_extensions.Protocol"})


def mark(program: Program) -> bool:
    """Mark those that only generators override; True where there are some that were not marked before."""
    found = False
    for cls in program.classes():
        for name, method in cls.methods.items() if not cls.module.source.generated else ():
            if method.is_generator or method.is_async or not without_body(method):
                continue
            others = [other for other in _overriding(program, cls, name) if not without_body(other)]
            if others and all(other.is_generator and not other.is_async for other in others):
                method.is_generator = method.is_declared = found = True
    return found


def without_body(fn: Function) -> bool:
    """True where there is nothing but a docstring, `...`, `pass` or `raise NotImplementedError`."""
    assert isinstance(fn.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    return all(
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (
            isinstance(node, ast.Raise) and node.exc is not None and "NotImplemented" in ast.unparse(node.exc)
        )
        for node in fn.node.body
    )


def _overriding(program: Program, cls: Class, name: str) -> Iterator[Function]:
    yield from (below.methods[name] for below in cls.descendants() if name in below.methods)
    if cls.external_bases & PROTOCOLS:
        for other in program.classes():
            if other is not cls and name in other.methods and cls.methods.keys() <= other.methods.keys():
                yield other.methods[name]
