"""Threads that exist only to wait: what has to be so for a task to do as well.

A task shares the loop with whoever started it, so what it runs may call nothing that might block; it is
started where it is made; and it has to be waited for, or to be a daemon that somebody holds on to.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from .external import argument
from .index import Function, own_nodes
from .infer import Facts
from .primitives import THREAD, Primitive
from .values import Cls, Ext, Func

QUICK = (
    "base64.", "bisect.", "builtins.", "collections.", "contextlib.", "copy.", "dataclasses.", "datetime.",
    "decimal.", "enum.", "functools.", "google.protobuf.", "grpc.", "hashlib.", "heapq.", "itertools.",
    "json.", "logging.", "math.", "operator.", "queue.", "random.", "re.", "statistics.", "string.",
    "struct.", "textwrap.", "threading.Condition()", "threading.Event()", "threading.Lock()",
    "threading.Semaphore()", "time.", "traceback.", "typing.", "uuid.", "warnings.",
)  # fmt: skip
"""Modules of which nothing blocks that the codemod does not know of; `time.sleep` is written for the loop."""

SLOW = frozenset({"builtins.input", "builtins.open", "builtins.exec", "builtins.eval", "builtins.__import__"})
BLOCKING_METHODS = frozenset(
    {
        "accept", "communicate", "connect", "execute", "executemany", "fetchall", "fetchone", "commit",
        "recv", "request", "result", "run", "select", "sendall", "urlopen", "wait",
    }
)  # fmt: skip
"""What objects that nobody knows are asked for when they block."""

OPTIONS = frozenset({"target", "args", "kwargs", "name", "daemon"})


def examine(primitive: Primitive, facts: Facts, parents: Mapping[ast.AST, ast.AST]) -> None:
    """Find what the thread runs, and what stands against a task in its place."""
    if primitive.kind != THREAD or not primitive.made:
        return
    if len(primitive.made) > 1:
        primitive.fail("it may be one of several")
        return
    call = primitive.made[0]
    if not isinstance(call, ast.Call):
        return
    targets = [facts.of(keyword.value) for keyword in call.keywords if keyword.arg == "target"]
    target = next(iter(targets[0]), None) if targets and len(targets[0]) == 1 else None
    if not isinstance(target, Func) or target.fn.kind != "def" or target.fn.is_generator:
        primitive.fail("what it runs is not one function of this run")
        return
    primitive.target = facts.target(target)
    if call.args or any(keyword.arg not in OPTIONS for keyword in call.keywords) or not _literal(call):
        primitive.fail("its arguments are not written out")
    started = [use for use in primitive.uses if use.method == "start"]
    if len(started) != 1 or start_of(primitive, parents) is None:
        primitive.fail("it is not started, once, right where it is made")
    elif commented(primitive, parents):
        primitive.fail("a comment stands beside its start")
    if any(
        use.method == "join" and not isinstance(parents.get(use.place), ast.Expr) for use in primitive.uses
    ):
        primitive.fail("somebody uses what its join returns")
    daemon = argument(call, "daemon", 5)
    joined = any(use.method == "join" for use in primitive.uses)
    if not joined and not (isinstance(daemon, ast.Constant) and daemon.value is True and not primitive.lone):
        primitive.fail("nobody waits for it")


def _literal(call: ast.Call) -> bool:
    args, kwargs = argument(call, "args", 3), argument(call, "kwargs", 4)
    plain = args is None or (
        isinstance(args, (ast.Tuple, ast.List)) and not any(isinstance(e, ast.Starred) for e in args.elts)
    )
    named = kwargs is None or (
        isinstance(kwargs, ast.Dict)
        and all(isinstance(k, ast.Constant) and str(k.value).isidentifier() for k in kwargs.keys)
    )
    return plain and named


def start_of(primitive: Primitive, parents: Mapping[ast.AST, ast.AST]) -> ast.stmt | None:
    """The statement that does nothing but start the thread, after the one that makes it, if there is one."""
    start = next(use.place for use in primitive.uses if use.method == "start")
    statement = parents.get(start)
    made = parents.get(primitive.made[0])
    if isinstance(made, ast.ListComp):
        made = parents.get(made)
        loop = parents.get(statement) if statement is not None else None
        if not isinstance(loop, ast.For) or loop.body != [statement] or loop.orelse:
            return None
        statement = loop
    if not isinstance(statement, (ast.Expr, ast.For)) or not isinstance(made, (ast.Assign, ast.AnnAssign)):
        return None
    around = parents.get(made)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(around, name, None) or []
        if made in block and statement in block and block.index(made) < block.index(statement):
            return statement
    return None


def commented(primitive: Primitive, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """True where a comment would go with the start of the thread."""
    statement = start_of(primitive, parents)
    return statement is not None and comment_beside(statement, primitive.makers[0].module.lines)


def comment_beside(statement: ast.stmt, lines: Sequence[str]) -> bool:
    """True where a comment stands above a statement or in its lines."""
    first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
    above = lines[first - 1].strip() if first else ""
    return above.startswith("#") or any("#" in line for line in lines[first:last])


def may_block(fn: Function, facts: Facts, seen: set[Function] | None = None) -> str:
    """What a function calls, or one that it calls, that might block and is not known to; "" if nothing is."""
    seen = {fn} if seen is None else seen
    for node in own_nodes(fn):
        if not isinstance(node, ast.Call):
            continue
        callees = facts.of(node.func)
        if not callees and isinstance(node.func, ast.Attribute) and node.func.attr in BLOCKING_METHODS:
            return node.func.attr
        for callee in callees:
            if isinstance(callee, Ext) and not _is_quick(callee.path):
                return callee.path.replace("()", "")
            inner = callee.fn if isinstance(callee, Func) else None
            if isinstance(callee, Cls):
                inner = callee.cls.find_method("__init__")
            if inner is not None and inner not in seen and not inner.module.source.generated:
                seen.add(inner)
                found = may_block(inner, facts, seen)
                if found:
                    return found
    return ""


def is_quick(call: ast.Call, facts: Facts) -> bool:
    """True for a call of something outside the program of which it is known that it blocks nobody."""
    callees = facts.of(call.func)
    if not callees:
        return isinstance(call.func, ast.Attribute) and call.func.attr not in BLOCKING_METHODS
    return all(isinstance(callee, Ext) and _is_quick(callee.path) for callee in callees)


def _is_quick(path: str) -> bool:
    known = path.startswith(QUICK) or ("_pb2" in path and "_pb2_grpc" not in path)
    return known and path not in SLOW
