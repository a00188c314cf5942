"""Import statements: added where a person would put them, removed where the codemod made them unused."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import libcst as cst

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
THIRD_PARTY = frozenset({"pytest", "pytest_asyncio", "grpc_bridge"})


def add_imports(module: cst.Module, wanted: set[str]) -> cst.Module:
    """Add `import name` (or `name as alias`) for each wanted name that the module does not import yet."""
    for name in sorted(wanted):
        if not _imported(module, name):
            module = _add(module, name)
    return module


def drop_unused(module: cst.Module, released: Mapping[str, int], before: ast.Module) -> cst.Module:
    """Remove `import name` where every use of `name` was one that the codemod replaced."""
    for name, count in released.items():
        uses = sum(
            isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
            for node in ast.walk(before)
        )
        exported = any(isinstance(n, ast.Constant) and n.value == name for n in ast.walk(before))
        if uses == count and not exported:
            module = module.with_changes(body=_without(module.body, name))
    return module


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
    index = _place(body, name)
    if index is None:
        index = _after_header(body)
        follower = body[index] if index < len(body) else None
        if follower is not None and not _is_import(follower) and not follower.leading_lines:
            body[index] = follower.with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    elif index < len(body):
        # The blank lines above the group stay above it.
        follower = body[index]
        lead = list(follower.leading_lines)
        blanks = [blank for blank in lead if blank.comment is None]
        if lead and len(blanks) == len(lead) and _starts_group(body, index):
            line = line.with_changes(leading_lines=lead)
            body[index] = follower.with_changes(leading_lines=[])
    body.insert(index, line)
    return module.with_changes(body=body)


def _as(name: str) -> cst.AsName | None:
    _, _, alias = name.partition(" as ")
    return cst.AsName(name=cst.Name(alias)) if alias else None


def _starts_group(body: Sequence[Statement], index: int) -> bool:
    return index == 0 or bool(body[index].leading_lines)


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


def _place(body: Sequence[Statement], name: str) -> int | None:
    """Where `import name` goes: in the group of its kind, in alphabetical order."""
    root = name.split(" ")[0]
    groups = [group for group in _groups(body) if not _is_future(body[group[0]]) or len(group) > 1]
    third = root in THIRD_PARTY
    chosen: list[int] | None = None
    for group in groups:
        heads = [plain.split(" ")[0].split(".")[0] for i in group for plain in _plain_imports(body[i])]
        if third and any(head in ("pytest", "grpc", "grpc_bridge") for head in heads):
            chosen = group
            break
        if not third:
            chosen = group
            break
    if chosen is None:
        return None if not groups else groups[-1][-1] + 1
    plain_lines = [i for i in chosen if _plain_imports(body[i])]
    for i in plain_lines:
        if _plain_imports(body[i])[0].split(" ")[0] > root:
            return i
    if plain_lines:
        return plain_lines[-1] + 1
    first = chosen[0]
    return first + 1 if _is_future(body[first]) else first


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
    kept: list[Statement] = []
    carried: list[cst.EmptyLine] = []
    for node in body:
        if _plain_imports(node) == [name]:
            carried = list(node.leading_lines)
            continue
        if carried:
            # What stood above the removed line stands above the next one, unless that has its own.
            if not node.leading_lines or any(line.comment for line in carried):
                node = node.with_changes(leading_lines=[*carried, *node.leading_lines])
            carried = []
        if isinstance(node, cst.SimpleStatementLine) and name in _plain_imports(node):
            statement = node.body[0]
            assert isinstance(statement, cst.Import)
            names = [a for a in statement.names if not (a.evaluated_name == name and a.asname is None)]
            names[-1] = names[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            node = node.with_changes(body=[statement.with_changes(names=names)])
        kept.append(node)
    return kept
