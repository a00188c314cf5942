"""What a person wants left alone: `# grpc-bridge: keep` on a line, a function or a class.

A kept line is not edited. As an `await` left out would break its function, that function stays sync.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from .boundary import Cut
from .discover import Source
from .index import SUBMODULES, Class, Function, Module, Program
from .nodes import walk

MARK = re.compile(r"#\s*grpc-bridge:\s*keep\b")
REASON = "a comment keeps it as it is"


def kept_lines(source: Source) -> frozenset[int]:
    """The numbers of all lines of the statements that a comment keeps; of a block, those of its head."""
    if b"grpc-bridge:" not in source.data:
        return frozenset()
    marked = set(_marked(source.text))
    if not marked:
        return frozenset()
    found: set[int] = set()
    for node in walk(source.tree):
        if isinstance(node, (ast.stmt, ast.excepthandler)):
            lines = _head(node)
            if marked & set(lines):
                found.update(lines)
    return frozenset(found)


def kept_functions(program: Program) -> dict[Function, Cut]:
    """The functions that stay sync because a comment on them, or on a class around them, says so."""
    found: dict[Function, Cut] = {}
    for module in program.modules.values():
        lines = kept_lines(module.source) if module.in_run else frozenset()
        if lines:
            classes = {cls for cls in module.classes.values() if cls.node.lineno in lines}
            for fn in module.functions:
                if not fn.top_level and (fn.line in lines or fn.cls in classes or _inside(fn, classes)):
                    found[fn] = Cut("GB711", REASON, True)
    return found


def keep_imports(program: Program, skipped: bool) -> None:
    """Let files keep grpcio whose import of it is kept, or all of them where the swap is skipped."""
    for module in program.modules.values():
        if module.in_run and not module.source.generated:
            lines = kept_lines(module.source)
            if any(skipped or node.lineno in lines for node in _grpc_imports(module)):
                module.keeps_grpc = True


def _inside(fn: Function, classes: set[Class]) -> bool:
    outer = fn.parent
    while outer is not None:
        if outer.cls in classes:
            return True
        outer = outer.parent
    return False


def _grpc_imports(module: Module) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in module.imports:
        if (
            isinstance(node, ast.Import) and any(alias.name in {"grpc", *SUBMODULES} for alias in node.names)
        ) or (isinstance(node, ast.ImportFrom) and node.module in {"grpc", *SUBMODULES} and not node.level):
            yield node


def _head(node: ast.stmt | ast.excepthandler) -> range:
    start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    inner = [part for field in ("body", "cases") for part in getattr(node, field, [])]
    if inner:
        first = inner[0].pattern if isinstance(inner[0], ast.match_case) else inner[0]
        return range(start, max(first.lineno, start + 1))
    return range(start, (node.end_lineno or start) + 1)


def _marked(text: str) -> Iterator[int]:
    """The lines that bear the comment; one of its own speaks for the next line of code."""
    waiting = False
    fresh = True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if MARK.search(token.string):
                waiting = waiting or fresh
                if not fresh:
                    yield token.start[0]
        elif token.type in (tokenize.NEWLINE, tokenize.NL):
            fresh = True
        elif token.type not in (tokenize.INDENT, tokenize.DEDENT):
            if waiting:
                yield token.start[0]
            waiting = fresh = False
