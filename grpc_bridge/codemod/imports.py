"""Import statements: added where a person would put them, removed where the codemod made them unused."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Sequence

import libcst as cst

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
THIRD_PARTY = frozenset({"asyncstdlib", "pytest", "pytest_asyncio", "grpc_bridge"})
KIN = frozenset({"asyncstdlib", "pytest", "pytest_asyncio", "grpc", "grpc_bridge"})


def add_imports(module: cst.Module, wanted: set[str]) -> cst.Module:
    """Add `import name` (or `name as alias`) for each wanted name that the module does not import yet."""
    for name in sorted(wanted):
        if not _imported(module, name):
            module = _add(module, name)
    return module


def add_names(module: cst.Module, wanted: set[tuple[str, str]]) -> cst.Module:
    """Add each wanted name to a `from module import ...` that is there."""
    for home, name in sorted(wanted):
        body = list(module.body)
        for index, node in enumerate(body):
            if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1:
                statement = node.body[0]
                if isinstance(statement, cst.ImportFrom) and _module_of(statement) == home:
                    if name not in _bound_names(node):
                        body[index] = node.with_changes(body=[_with_name(statement, name)])
                        module = module.with_changes(body=body)
                    break
    return module


def _by_case(name: str) -> tuple[int, str]:
    """isort's order: constants, classes, and all else."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


ORDERS: tuple[Callable[[str], tuple[int, str]], ...] = (
    lambda name: (0, name),
    _by_case,
    lambda name: (0, name.lower()),
)
"""How people sort what they import from one module."""


def _module_of(node: cst.ImportFrom) -> str:
    return cst.Module([]).code_for_node(node.module) if node.module is not None and not node.relative else ""


def _with_name(node: cst.ImportFrom, name: str) -> cst.ImportFrom:
    """With `name` where it belongs in the order of the alphabet."""
    if isinstance(node.names, cst.ImportStar):
        return node
    names = list(node.names)
    written = [alias.evaluated_name for alias in names]
    order = next((key for key in ORDERS if sorted(written, key=key) == written), ORDERS[0])
    place = next((i for i, other in enumerate(written) if order(other) > order(name)), len(names))
    fresh = cst.ImportAlias(cst.Name(name))
    separator = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if len(names) > 1:
        # As the others are set apart, one by line or not.
        first = names[0].comma
        separator = first if isinstance(first, cst.Comma) else separator
    if place < len(names):
        names.insert(place, fresh.with_changes(comma=separator))
    else:
        last = names[-1]
        names[-1] = last.with_changes(comma=separator)
        names.append(fresh.with_changes(comma=last.comma))
    return node.with_changes(names=names)


def drop_unused(module: cst.Module, released: Iterable[str], code: str) -> cst.Module:
    """Remove the imports of names of which the last use, in `code`, was one that the codemod replaced."""
    used = _names_used(ast.parse(code)) | {
        word for comment in re.findall(r"#\s*type:(.*)", code) for word in re.findall(r"\w+", comment)
    }
    for name in released:
        if name not in used:
            module = module.with_changes(body=_without(module.body, name))
    return module


def _names_used(tree: ast.AST) -> set[str]:
    """The names that are read, in strings that are expressions too: annotations, and `__all__`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
            try:
                found |= {
                    n.id for n in ast.walk(ast.parse(node.value, mode="eval")) if isinstance(n, ast.Name)
                }
            except (SyntaxError, ValueError):
                continue
    return found


def _plain_imports(node: cst.CSTNode) -> list[str]:
    """The names of `import a, b as c`, as they are written."""
    if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1:
        statement = node.body[0]
        if isinstance(statement, cst.Import):
            return [
                cst.Module([]).code_for_node(alias.with_changes(comma=cst.MaybeSentinel.DEFAULT))
                for alias in statement.names
            ]
    return []


def _bound_names(node: cst.CSTNode) -> list[str]:
    """The names that one import statement binds."""
    if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1:
        statement = node.body[0]
        if isinstance(statement, (cst.Import, cst.ImportFrom)) and not isinstance(
            statement.names, cst.ImportStar
        ):
            plain = isinstance(statement, cst.Import)
            return [_bound_name(alias, plain) for alias in statement.names]
    return []


def _bound_name(alias: cst.ImportAlias, plain: bool) -> str:
    """The name that one part of an import statement binds: `a` in `import a.b`."""
    name = alias.evaluated_alias or alias.evaluated_name
    return name.partition(".")[0] if plain else name


def _is_import(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and any(
        isinstance(part, (cst.Import, cst.ImportFrom)) for part in node.body
    )


def _imported(module: cst.Module, name: str) -> bool:
    return any(name in _plain_imports(node) for node in module.body)


def _add(module: cst.Module, name: str) -> cst.Module:
    body = list(module.body)
    line = cst.SimpleStatementLine(
        [cst.Import([cst.ImportAlias(cst.Name(name.split(" as ")[0]), _as(name))])]
    )
    index, lead, fresh = _place(body, name)
    if lead is None and index < len(body):
        # The line takes the place of the one below it, and the blank lines above that.
        follower = body[index]
        above = list(follower.leading_lines)
        if above and all(blank.comment is None for blank in above):
            body[index] = follower.with_changes(leading_lines=[])
            lead = above
    body.insert(index, line.with_changes(leading_lines=lead or []))
    below = body[index + 1] if index + 1 < len(body) else None
    if below is not None and not below.leading_lines and (not _is_import(below) or fresh):
        blanks = 2 if isinstance(below, (cst.FunctionDef, cst.ClassDef)) else 1
        body[index + 1] = below.with_changes(leading_lines=[cst.EmptyLine(indent=False)] * blanks)
    return module.with_changes(body=body)


def _as(name: str) -> cst.AsName | None:
    _, _, alias = name.partition(" as ")
    return cst.AsName(name=cst.Name(alias)) if alias else None


def _groups(body: Sequence[Statement]) -> list[list[int]]:
    """Indexes of the import statements at the top level, split at blank lines and other statements."""
    groups: list[list[int]] = []
    for index, node in enumerate(body):
        if not _is_import(node):
            if groups and groups[-1] and index > groups[-1][-1] + 3:
                break
            continue
        fresh = not groups or not groups[-1] or groups[-1][-1] != index - 1
        if fresh or getattr(node, "leading_lines", None):
            groups.append([])
        groups[-1].append(index)
    return groups


def _place(body: Sequence[Statement], name: str) -> tuple[int, list[cst.EmptyLine] | None, bool]:
    """Where `import name` goes, the blank lines above it, and whether it starts a group of its own.

    None for the blank lines: those of the line that it displaces.
    """
    root = name.split(" ")[0]
    blank = [cst.EmptyLine(indent=False)]
    groups = _groups(body)
    if groups and all(_is_future(body[i]) for i in groups[0]):
        del groups[0]
    if not groups:
        index = _after_header(body)
        return index, blank if index else [], True
    kin = KIN if root in THIRD_PARTY else sys.stdlib_module_names
    chosen = next((group for group in groups if any(_head(body[i]) in kin for i in group)), None)
    if chosen is None and root in THIRD_PARTY:
        standard = [g for g in groups if any(_head(body[i]) in sys.stdlib_module_names for i in g)]
        if standard:
            return standard[-1][-1] + 1, blank, True
    if chosen is None:
        return groups[0][0], None, True
    plain = [i for i in chosen if _plain_imports(body[i])]
    for i in plain:
        if _plain_imports(body[i])[0].split(" ")[0] > root:
            return i, None if i == chosen[0] else [], False
    if plain:
        return plain[-1] + 1, [], False
    return chosen[0], None, False


def _head(node: Statement) -> str:
    """The top-level package that an import statement names first."""
    plain = _plain_imports(node)
    if plain:
        return plain[0].split(" ")[0].split(".")[0]
    if isinstance(node, cst.SimpleStatementLine) and isinstance(node.body[0], cst.ImportFrom):
        module = node.body[0].module
        while isinstance(module, cst.Attribute):
            module = module.value  # type: ignore[assignment]
        return module.value if isinstance(module, cst.Name) else ""
    return ""


def _is_future(node: Statement) -> bool:
    if not isinstance(node, cst.SimpleStatementLine) or not isinstance(node.body[0], cst.ImportFrom):
        return False
    module = node.body[0].module
    return isinstance(module, cst.Name) and module.value == "__future__"


def _after_header(body: Sequence[Statement]) -> int:
    """The first place after the docstring and `from __future__` imports."""
    index = 0
    if body and isinstance(body[0], cst.SimpleStatementLine):
        first = body[0].body[0]
        if isinstance(first, cst.Expr) and isinstance(first.value, cst.SimpleString):
            index = 1
    while index < len(body) and _is_future(body[index]):
        index += 1
    return index


def _without(body: Sequence[Statement], name: str) -> list[Statement]:
    """The statements without `import name` and without `name` in `from ... import name`."""
    kept: list[Statement] = []
    carried: list[cst.EmptyLine] = []
    first = False
    for node in body:
        if _bound_names(node) == [name]:
            carried = list(node.leading_lines)
            first = not kept
            continue
        if first and not carried:
            # Neither a file nor what follows its header begins with a blank line.
            own = [line for line in node.leading_lines if line.comment]
            node = node.with_changes(leading_lines=own and node.leading_lines)
        first = False
        if carried:
            # What stood above the removed line stands above the next one, unless that has its own.
            if not node.leading_lines or any(line.comment for line in carried):
                node = node.with_changes(leading_lines=[*carried, *node.leading_lines])
            carried = []
        if isinstance(node, cst.SimpleStatementLine) and name in _bound_names(node):
            statement = node.body[0]
            assert isinstance(statement, (cst.Import, cst.ImportFrom))
            assert not isinstance(statement.names, cst.ImportStar)
            plain = isinstance(statement, cst.Import)
            names = [alias for alias in statement.names if _bound_name(alias, plain) != name]
            # What stood behind the last name stands behind the one that is last now.
            names[-1] = names[-1].with_changes(comma=statement.names[-1].comma)
            node = node.with_changes(body=[statement.with_changes(names=names)])
        kept.append(node)
    return kept
