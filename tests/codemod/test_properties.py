"""Call graphs that nobody thought of: what must hold of every program that comes out."""

from __future__ import annotations

import ast
import difflib
import itertools
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grpc_bridge.codemod.runner import migrate, write

from .tool import doubled_awaits, generated

SOAK = bool(os.environ.get("GRPC_BRIDGE_WHOLE"))
MODULES = ("a", "b", "c")
FUNCTIONS = 9

BODIES = st.sampled_from(
    [
        "x = {call}",
        "return {call}",
        "print({call}, {call})",
        "if {call}:\n        return 1",
        "x = [{call} for _ in range(2)]",
        "x = {{n: {call} for n in range(2)}}",
        "x = sum({call} for _ in range(2))",
        "x = (lambda: {call})()",
        "try:\n        {call}\n    except grpc.RpcError:\n        pass",
        "with LOCK:\n        {call}",
        "with LOCKS[0]:\n        {call}",
        "with lock_of():\n        {call}",
        "with held():\n        {call}",
        "for x in each():\n        {call}",
        "LOCK.acquire()\n    try:\n        {call}\n    finally:\n        LOCK.release()",
        "threading.Thread(target=lambda: {call}).start()",
        "for x in range({call} or 1):\n        pass",
        "return {call} or {call}",
        "return f'{{{call}}}'",
        "while {call}:\n        break",
        "sorted([2, 1], key=lambda n: {call})",
        "def inner():\n        return {call}\n    return inner()",
        "return retry(lambda: {call})",
    ]
)
LOCKS = """LOCK = threading.Lock()
LOCKS = [threading.Lock()]


def lock_of():
    return LOCKS[-1]


@contextlib.contextmanager
def held():
    with LOCK:
        yield


def each():
    with LOCK:
        yield 1
"""
"""Locks that are known by name, and others that only what they are tells of."""

DECORATORS = """import functools


def logged(func):
    @functools.wraps(func)
    def wrapper(*args):
        try:
            return func(*args)
        finally:
            print(func.__name__)

    return wrapper


def guarded(func):
    def wrapper(*args):
        for item in func(*args):
            yield item

    return wrapper
"""
"""Around functions of whatever colours come."""

PLACES = st.sampled_from(
    [
        "function",
        "method",
        "init",
        "property",
        "static",
        "class",
        "manager",
        "generator",
        "decorated",
        "decorated method",
        "guarded",
    ]
)


@dataclass(frozen=True)
class Piece:
    """One function of a generated program: where it stands, what it does, whom it calls."""

    place: str
    module: str
    body: str
    calls: tuple[int, ...]
    rpc: bool
    stream: bool = field(default=False)


PIECES = st.builds(
    Piece,
    PLACES,
    st.sampled_from(MODULES),
    BODIES,
    st.lists(st.integers(0, FUNCTIONS - 1), max_size=2).map(tuple),
    st.booleans(),
    st.booleans(),
)
PROGRAMS = st.tuples(
    st.lists(PIECES, min_size=2, max_size=FUNCTIONS), st.lists(st.integers(0, 8), max_size=3)
)


def call_of(number: int, piece: Piece) -> str:
    """An expression that runs a piece."""
    name = f"{piece.module}.f{number}"
    return {
        "function": f"{name}(stub)",
        "method": f"{piece.module}.C{number}(stub).f{number}()",
        "init": f"{piece.module}.C{number}(stub)",
        "property": f"{piece.module}.C{number}(stub).f{number}",
        "static": f"{piece.module}.C{number}.f{number}(stub)",
        "class": f"{piece.module}.C{number}.f{number}(stub)",
        "manager": f"{piece.module}.enter{number}(stub)",
        "generator": f"list({name}(stub))",
        "decorated": f"{name}(stub)",
        "decorated method": f"{piece.module}.C{number}(stub).f{number}()",
        "guarded": f"list({name}(stub))",
    }[piece.place]


def text_of(number: int, piece: Piece, program: list[Piece]) -> str:
    """The source of a piece."""
    stub = "self.stub" if piece.place in ("method", "decorated method", "init", "property") else "stub"
    calls = [call_of(n, program[n]).replace("(stub)", f"({stub})") for n in piece.calls if n < len(program)]
    if piece.rpc:
        calls.append(f"{stub}.Hi({number})")
    if piece.stream:
        calls.append(f"list({stub}.Many({number}))")
    body = "\n    ".join(piece.body.format(call=call) for call in calls) or "pass"
    if piece.place in ("init", "manager", "generator", "guarded"):
        # Neither a constructor nor a generator returns a value.
        body = "\n    ".join(
            line
            if "return " not in line or line.startswith("        ")
            else line.replace("return ", "x = ", 1)
            for line in body.split("\n    ")
        )
    function = f"def f{number}(PARAMETERS):\n    {body}\n"
    indented = function.replace("\n", "\n    ").rstrip() + "\n"
    head = f"class C{number}:\n    def __init__(self, stub: GreeterStub):\n        self.stub = stub\n\n    "
    return {
        "function": function.replace("PARAMETERS", "stub: GreeterStub"),
        "method": head + indented.replace("PARAMETERS", "self"),
        "init": f"class C{number}:\n    def __init__(self, stub: GreeterStub):\n        self.stub = stub\n"
        + "".join(f"        {line}\n" for line in body.split("\n    ")),
        "property": head + "@property\n    " + indented.replace("PARAMETERS", "self"),
        "static": f"class C{number}:\n    @staticmethod\n    "
        + indented.replace("PARAMETERS", "stub: GreeterStub"),
        "class": f"class C{number}:\n    @classmethod\n    "
        + indented.replace("PARAMETERS", "cls, stub: GreeterStub"),
        "manager": "@contextlib.contextmanager\n"
        f"def f{number}(stub: GreeterStub):\n    {body}\n    yield stub\n\n\n"
        f"def enter{number}(stub: GreeterStub):\n    with f{number}(stub) as it:\n        return it\n",
        "generator": f"def f{number}(stub: GreeterStub):\n    {body}\n    yield 1\n",
        "decorated": "@d.logged\n" + function.replace("PARAMETERS", "stub: GreeterStub"),
        "decorated method": head + "@d.logged\n    " + indented.replace("PARAMETERS", "self"),
        "guarded": f"@d.guarded\ndef f{number}(stub: GreeterStub):\n    {body}\n    yield 1\n",
    }[piece.place]


def sources(program: list[Piece], mains: list[int]) -> dict[str, str]:
    """The files of a program; `mains` are called at the end of module a, under its guard or above it."""
    files = {"d.py": DECORATORS}
    for module in MODULES:
        text = "import contextlib\nimport threading\n\nimport grpc\n\n"
        text += "import a\nimport b\nimport c\nimport d\n"
        text += f"from greet_pb2_grpc import GreeterStub\n\n{LOCKS}\n\n"
        text += "def retry(function):\n    return function()\n\n\n"
        text += "\n\n".join(text_of(n, p, program) for n, p in enumerate(program) if p.module == module)
        files[f"{module}.py"] = text
    calls = [call_of(n, program[n]).replace("(stub)", "(None)") for n in mains if n < len(program)]
    if calls:
        files["main.py"] = "import a\nimport b\nimport c\n\nif __name__ == '__main__':\n"
        files["main.py"] += "".join(f"    {call}\n" for call in calls)
    return files


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def own(node: ast.AST) -> list[ast.AST]:
    found, pending = [], list(ast.iter_child_nodes(node))
    while pending:
        inner = pending.pop()
        found.append(inner)
        if not isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            pending.extend(ast.iter_child_nodes(inner))
    return found


def coroutine_names(trees: dict[str, ast.Module]) -> set[str]:
    """Names, unique in the program, of coroutine functions; of those that do not yield."""
    return {
        node.name
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef)
        and not any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in own(node))
    }


WAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith)


def under_locks(tree: ast.Module) -> list[ast.AST]:
    """What runs while a threading lock is held; asyncio's are entered by `async with`, and awaited."""
    found: list[ast.AST] = []
    awaited = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Await)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.With, ast.For)):
            heads = node.items if isinstance(node, ast.With) else [node.iter]
            if re.search(r"LOCK|(lock_of|held|each)\(", " ".join(map(ast.unparse, heads))):
                found += [part for statement in node.body for part in (statement, *own(statement))]
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            for before, after in itertools.pairwise(body if isinstance(body, list) else ()):
                # What is acquired by hand is held in the `try` that follows.
                call = before.value if isinstance(before, ast.Expr) else None
                if call and ast.unparse(call) == "LOCK.acquire()" and id(call) not in awaited:
                    found += own(after)
    return found


def ill_fitting(trees: Iterable[ast.Module]) -> list[str]:
    """Functions that are decorated with a wrapper of the other colour only."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    defs = [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    found: list[str] = []
    for decorator in (node for node in defs if node.name in ("logged", "guarded")):
        wrappers = {isinstance(node, ast.AsyncFunctionDef) for node in own(decorator) if node in defs}
        for fn in defs:
            if f"d.{decorator.name}" in map(ast.unparse, fn.decorator_list):
                found += [fn.name] * (isinstance(fn, ast.AsyncFunctionDef) not in wrappers)
    return found


def check(after: dict[str, str]) -> None:
    trees = {name: ast.parse(text) for name, text in after.items()}
    coroutines = coroutine_names(trees)
    assert ill_fitting(trees.values()) == []
    for name, text in after.items():
        assert doubled_awaits(text) == []
        tree = trees[name]
        inside = {part for fn in functions(tree) if isinstance(fn, ast.AsyncFunctionDef) for part in own(fn)}
        for node in ast.walk(tree):
            if isinstance(node, WAITS) or (isinstance(node, ast.comprehension) and node.is_async):
                assert node in inside, f"{name}: a sync function awaits"
        compile(text, name, "exec", dont_inherit=True)
        assert not [part for part in under_locks(tree) if isinstance(part, WAITS)], (
            f"{name}: await under a lock"
        )
        taken = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Await)}
        taken |= {
            id(argument)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("grpc.run", "asyncio.run")
            for argument in node.args
        }
        # A lambda that only passes a coroutine on leaves it to whoever calls it.
        taken |= {id(fn.body) for fn in functions(tree) if isinstance(fn, ast.Lambda)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                if called in coroutines - {"inner", "retry"}:
                    assert id(node) in taken, f"{name}: {ast.unparse(node)} is not awaited"


def both_colours(place: str) -> tuple[list[Piece], list[int]]:
    """Two of a kind, of which one makes an RPC, and who calls them."""
    asking, idle = Piece(place, "a", "x = {call}", (), True), Piece(place, "b", "pass", (), False)
    return [asking, idle, Piece("function", "c", "x = {call}", (0, 1), False)], []


@pytest.mark.timeout(1200 if SOAK else 240)
@example(both_colours("decorated"))
@example(both_colours("guarded"))
@settings(
    # The same programs every time, for a suite has to say the same every time; `make soak` looks further.
    max_examples=300 if SOAK else 25,
    derandomize=not SOAK,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(PROGRAMS)
def test_whatever_the_call_graph(drawn: tuple[list[Piece], list[int]]) -> None:
    program, mains = drawn
    before = sources(program, mains)
    for name, text in before.items():
        compile(text, name, "exec")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "greet_pb2_grpc.py").write_text(generated())
        for name, text in before.items():
            (root / name).write_text(text)
        result = migrate([root])
        assert result.failed == []
        write(result)
        check({name: (root / name).read_text() for name in before})
        again = migrate([root])
        assert again.changed == {}, "\n".join(
            line
            for path, text in again.changed.items()
            for line in difflib.unified_diff(path.read_text().split("\n"), text.split("\n"), n=8)
        )
