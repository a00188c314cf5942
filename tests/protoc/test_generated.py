"""What the plugin writes: valid, formatted, the same each time, for everything a .proto file can say."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from grpc_bridge.protoc.docstrings import docstring

from .conftest import is_formatted, python
from .protos import CONSTRUCTS, GREETER

Generate = Callable[[Mapping[str, str]], Path]


def written(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*_pb2_grpc_async.py"))


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_is_formatted_and_imports(construct: str, folder: Path, generate: Generate) -> None:
    generate(CONSTRUCTS[construct])
    files = written(folder)
    assert len(files) == len(CONSTRUCTS[construct])
    is_formatted(*files)
    for file in files:
        module = ".".join(file.relative_to(folder).with_suffix("").parts)
        ended = python(
            "-W", "error", "-c", f"import importlib; importlib.import_module({module!r})", cwd=folder
        )
        assert ended.returncode == 0, ended.stderr


def test_is_the_same_each_time(folder: Path, generate: Generate) -> None:
    generate(CONSTRUCTS["packages"])
    (first, *_) = written(folder)
    before = first.read_bytes()
    for seed in "1", "2":
        ended = python(
            "-m", "grpc_bridge.protoc", "-I.", "--grpc_python_async_out=.", *CONSTRUCTS["packages"],
            cwd=folder, PYTHONHASHSEED=seed,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        assert first.read_bytes() == before


def test_imports_are_written_as_grpcio_writes_them(folder: Path, generate: Generate) -> None:
    generate(CONSTRUCTS["packages"])
    ended = python(
        "-m", "grpc_tools.protoc", "-I.", "--grpc_python_out=.", *CONSTRUCTS["packages"], cwd=folder
    )
    assert ended.returncode == 0, ended.stderr

    def messages(file: str) -> set[str]:
        return {
            ast.unparse(statement)
            for statement in ast.parse((folder / file).read_text()).body
            if isinstance(statement, (ast.Import, ast.ImportFrom)) and "_pb2 as" in ast.unparse(statement)
        }

    async_file = messages("shop/orders/order_pb2_grpc_async.py")
    assert async_file == messages("shop/orders/order_pb2_grpc.py")
    assert len(async_file) == 2


def test_comments_become_docstrings(folder: Path, generate: Generate) -> None:
    generate({"greeter.proto": GREETER})
    tree = ast.parse((folder / "greeter_pb2_grpc_async.py").read_text())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    stub, servicer = classes["GreeterStub"], classes["GreeterServicer"]
    for class_ in stub, servicer:
        assert ast.get_docstring(class_) == "Greets people.\n\nIn every language."
    handlers = {
        node.name: ast.get_docstring(node) for node in servicer.body if isinstance(node, ast.FunctionDef)
    }
    many = "Greets many times:\n  as often as asked.\nSlowly."
    assert handlers == {"Hi": "Greets once.", "Many": many, "Sum": None, "Talk": "Greets back."}
    attributes = {
        declaration.target.id: inspect.cleandoc(text.value.value)
        for declaration, text in zip(stub.body, stub.body[1:], strict=False)
        if isinstance(declaration, ast.AnnAssign) and isinstance(text, ast.Expr)
    }
    assert attributes == {"Hi": "Greets once.", "Many": many, "Talk": "Greets back."}
    assert ast.get_docstring(classes["HealthStub"]) == "The stub of hello.v1.Health."


COMMENTS = [
    'says "hi"',
    '"quoted" first',
    '"',
    '""',
    '"""',
    'ends in """',
    '""""" five',
    "back\\slash and \\n and \\",
    '\\"',
    "äöü 漢字 👩‍👩‍👧",
    "a\n\nb\n    indented\nc",
    'last line "\nquoted"',
    'first\n"""',
    "{braces} %s",
    "'single'",
]


@pytest.mark.parametrize("text", COMMENTS)
def test_any_comment_is_a_docstring_that_says_the_same(text: str, tmp_path: Path) -> None:
    file = tmp_path / "docs.py"
    file.write_text("\n".join(["class A:", *docstring(text, "    "), ""]), encoding="utf-8")
    (class_,) = ast.parse(file.read_text("utf-8")).body
    found = ast.get_docstring(class_)  # type: ignore[arg-type]
    assert found is not None
    assert found.strip() == text
    is_formatted(file)


def test_control_characters_do_not_reach_the_file(folder: Path, generate: Generate) -> None:
    comment = "// tab\there, feed\x0chere, bell\x07here, line\u2028here, nel\x85here\r\n"
    generate({"odd.proto": f'syntax = "proto3";\n{comment}service Odd {{}}\n'})
    file = folder / "odd_pb2_grpc_async.py"
    assert "tab    here, feed here, bell here, line here, nel here" in file.read_text("utf-8")
    is_formatted(file)


def test_reserved_names_have_attributes_of_their_own(folder: Path, generate: Generate) -> None:
    generate(CONSTRUCTS["names that Python or the file has taken"])
    program = """
import grpc_bridge as grpc
from taken_pb2_grpc_async import classServicer, classStub

names = "import__ import_ grpc typed Any taken__pb2 rpc__init__ rpc__hidden Nothing self".split()
stub = classStub(grpc.insecure_channel("localhost:1"))
print([name for name in names if not (hasattr(stub, name) and callable(getattr(classServicer, name)))])
print(stub.import__._method, stub.import_._method, stub.rpc__init__._method)
"""
    ended = python("-W", "error", "-c", program, cwd=folder)
    assert ended.stderr == ""
    path = "/import.class.class"
    assert ended.stdout == f"[]\n{path}/import {path}/import_ {path}/__init__\n"


def test_annotations_can_be_evaluated(folder: Path, generate: Generate) -> None:
    generate({"greeter.proto": GREETER})
    program = """
import typing
from greeter_pb2_grpc_async import GreeterServicer, GreeterStub, add_GreeterServicer_to_server

print(sorted(typing.get_type_hints(GreeterStub)))
for function in GreeterStub.__init__, GreeterServicer.Hi, GreeterServicer.Talk, add_GreeterServicer_to_server:
    typing.get_type_hints(function)
"""
    ended = python("-c", program, cwd=folder)
    assert (ended.stdout, ended.stderr) == ("['Hi', 'Many', 'Sum', 'Talk']\n", "")
