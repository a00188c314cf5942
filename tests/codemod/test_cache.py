"""A second run reads only what changed, and worker processes change nothing but the time it takes."""

from __future__ import annotations

import ast
import json
import os
import shutil
import sysconfig
from pathlib import Path

import pytest

from grpc_bridge.codemod import cache, survey
from grpc_bridge.codemod.cli import main
from grpc_bridge.codemod.nodes import walk
from grpc_bridge.codemod.options import Options
from grpc_bridge.codemod.runner import Result, migrate

from .tool import generated

FILES = {
    "greet_pb2_grpc.py": generated(),
    "client.py": (
        "from greet_pb2_grpc import GreeterStub\n\n\ndef hi(stub: GreeterStub):\n    return stub.Hi(1)\n"
    ),
    "report.py": "import client\n\n\ndef show(stub):\n    print(client.hi(stub))\n",
    "table.py": "def rows():\n    return [1, 2]\n",
    "lib/__init__.py": "",
    "lib/words.py": "import os\n\n\ndef split(text):\n    return text.split()\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose bytes a survey looks at."""
    names: list[str] = []
    look = survey._look

    def spy(cache: cache.Cache, path: str) -> object:
        names.append(Path(path).name)
        return look(cache, path)

    monkeypatch.setattr(survey, "_look", spy)
    return names


@pytest.fixture
def rewritten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that LibCST rewrites."""
    from grpc_bridge.codemod import runner

    names: list[str] = []
    rewrite = runner.rewrite

    def spy(plan: object) -> str:
        names.append(plan.module.path.name)  # type: ignore[attr-defined]
        return rewrite(plan)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "rewrite", spy)
    return names


def texts(result: Result) -> dict[str, str]:
    assert result.failed == []
    return {path.name: text for path, text in result.changed.items()}


def test_a_second_run_reads_only_what_changed(
    tree: Path, tmp_path: Path, read: list[str], rewritten: list[str]
) -> None:
    options = Options(cache=tmp_path / "cache")
    first = migrate([tree], options)
    assert sorted(read) == sorted(Path(name).name for name in FILES)
    assert sorted(rewritten) == ["client.py", "report.py"]
    read.clear()
    rewritten.clear()
    second = migrate([tree], options)
    assert (read, rewritten) == ([], [])
    assert (texts(second), second.findings) == (texts(first), first.findings)
    (tree / "report.py").write_text(FILES["report.py"] + "\n\nTITLE = 1\n")
    third = migrate([tree], options)
    assert (read, rewritten) == (["report.py"], ["report.py"])
    assert texts(third)["client.py"] == texts(first)["client.py"]
    assert texts(third)["report.py"].endswith("TITLE = 1\n")


def test_a_change_elsewhere_changes_what_comes_out(tree: Path, tmp_path: Path, rewritten: list[str]) -> None:
    """The same file with other edits is another one."""
    options = Options(cache=tmp_path / "cache")
    assert "async def show" in texts(migrate([tree], options))["report.py"]
    rewritten.clear()
    (tree / "script.py").write_text("import report\n\nreport.show(None)\n")
    assert "report.py" not in texts(migrate([tree], options))
    assert texts(migrate([tree], options)) == texts(migrate([tree]))


def test_a_file_that_was_only_touched_is_what_it_was(tree: Path, tmp_path: Path, read: list[str]) -> None:
    options = Options(cache=tmp_path / "cache")
    first = migrate([tree], options)
    read.clear()
    os.utime(tree / "client.py", (1, 1))
    assert texts(migrate([tree], options)) == texts(first)
    assert read == ["client.py"]


@pytest.mark.parametrize(
    "notes",
    [
        b"",
        b"\x80\x04garbage",
        b"[]",
        b"{}",
        b'{"version": "VERSION"}',
        b'{"version": "VERSION", "files": []}',
        b'{"version": "VERSION", "files": {"CLIENT": 3}}',
        b'{"version": "VERSION", "files": {"CLIENT": [1, 2, "x", true]}}',
        b'{"version": "VERSION", "files": {"CLIENT": [1, "x", [], true, [[1]]]}}',
        b'{"version": "older", "files": {"CLIENT": [SIZE, TIME, "", false, []]}}',
    ],
)
def test_a_cache_that_cannot_be_read_is_none(tree: Path, tmp_path: Path, notes: bytes) -> None:
    options = Options(cache=tmp_path / "cache")
    first = migrate([tree], options)
    stat = (tree / "client.py").stat()
    for name, value in (
        ("VERSION", cache.version()),
        ("CLIENT", str(tree / "client.py")),
        ("SIZE", str(stat.st_size)),
        ("TIME", str(stat.st_mtime_ns)),
    ):
        notes = notes.replace(name.encode(), value.encode())
    (tmp_path / "cache" / "notes.json").write_bytes(notes)
    for kept in (tmp_path / "cache" / "rewritten").iterdir():
        kept.write_bytes(b"\xff" + kept.read_bytes()[5:])
    assert texts(migrate([tree], options)) == texts(first)


def test_a_rewritten_file_that_was_cut_short_is_not_used(tree: Path, tmp_path: Path) -> None:
    options = Options(cache=tmp_path / "cache")
    first = migrate([tree], options)
    for kept in (tmp_path / "cache" / "rewritten").iterdir():
        kept.write_bytes(kept.read_bytes()[:-9])
    assert texts(migrate([tree], options)) == texts(first)


def test_a_cache_that_cannot_be_written_is_none(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert texts(migrate([tree], Options(cache=tmp_path / "file" / "cache"))) == texts(migrate([tree]))


def test_old_files_leave_the_cache(tree: Path, tmp_path: Path) -> None:
    options = Options(cache=tmp_path / "cache")
    migrate([tree], options)
    old = tmp_path / "cache" / "rewritten" / "old"
    old.touch()
    os.utime(old, (1, 1))
    migrate([tree], options)
    assert not old.exists()
    assert len(list(old.parent.iterdir())) == 2


def test_worker_processes_change_nothing(tree: Path) -> None:
    alone, together = migrate([tree], Options(jobs=1)), migrate([tree], Options(jobs=3))
    assert texts(together) == texts(alone)
    assert together.findings == alone.findings
    assert together.unchanged == alone.unchanged


def test_a_worker_s_error_is_its_file_s(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from grpc_bridge.codemod import runner

    rewrite = runner.rewrite

    def refuse(plan: object) -> str:
        if plan.module.path.name == "report.py":  # type: ignore[attr-defined]
            raise runner.RewriteError("no")
        return rewrite(plan)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "rewrite", refuse)
    result = migrate([tree], Options(jobs=2))
    assert [(failure.path.name, failure.reason) for failure in result.failed] == [("report.py", "no")]


def test_the_command_keeps_its_cache_among_the_user_s(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert main(["--check", "--no-cache", str(tree)]) == 1
    assert not (tmp_path / "home").exists()
    assert main(["--check", "--jobs", "1", str(tree)]) == 1
    read.clear()
    assert main(["--check", str(tree)]) == 1
    assert read == []
    assert main(["--check", "--cache-dir", str(tmp_path / "here"), str(tree)]) == 1
    assert (tmp_path / "here" / "notes.json").exists()
    assert sorted(path.name for path in tree.rglob("*.py")) == sorted(Path(name).name for name in FILES)
    assert [path for path in tree.rglob("*") if path.suffix != ".py" and path.is_file()] == []


@pytest.mark.parametrize("jobs", ["0", "-1", "x"])
def test_jobs_is_a_number(tree: Path, jobs: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--jobs", jobs, str(tree)])
    assert caught.value.code == 2


# What a survey sees


def test_only_what_matters_is_parsed(tree: Path) -> None:
    found = survey.survey([tree]).discover()
    assert {source.path.name for source in found.sources} == {"greet_pb2_grpc.py", "client.py", "report.py"}


def test_what_a_file_that_matters_imports_matters(tree: Path) -> None:
    (tree / "client.py").write_text("from lib.words import split\n" + FILES["client.py"])
    found = survey.survey([tree]).discover()
    assert {source.path.name for source in found.sources} == {
        "greet_pb2_grpc.py",
        "client.py",
        "report.py",
        "words.py",
    }


def test_whoever_imports_what_changes_matters_then(tree: Path) -> None:
    """`again` becomes a coroutine, so a module that has nothing to do with gRPC has to be looked at."""
    (tree / "lib" / "words.py").write_text("def again(function, *args):\n    return function(*args)\n")
    (tree / "client.py").write_text(
        "from greet_pb2_grpc import GreeterStub\nfrom lib.words import again\n\n\n"
        "def hi(stub: GreeterStub):\n    return again(stub.Hi, 1)\n"
    )
    assert "async def again" in texts(migrate([tree]))["words.py"]
    (tree / "table.py").write_text(
        "from lib.words import again\n\n\ndef rows():\n    return again(len, [])\n"
    )
    assert texts(migrate([tree])) == {}


IMPORTS = [
    ("import a", [(0, "a", [])]),
    ("import a.b.c as d, e", [(0, "a.b.c", []), (0, "e", [])]),
    ("from a import b", [(0, "a", ["b"])]),
    ("from a.b import c as d, e", [(0, "a.b", ["c", "e"])]),
    ("from . import a", [(1, "", ["a"])]),
    ("from ..a.b import (c,  # why\n    d as e,\n)", [(2, "a.b", ["c", "d"])]),
    ("from a import *", [(0, "a", ["*"])]),
    ("from a import b, \\\n    c", [(0, "a", ["b", "c"])]),
    ("if x: import a; import b", [(0, "a", []), (0, "b", [])]),
    ("\tfrom a import b\r\n\timport c\r\n", [(0, "a", ["b"]), (0, "c", [])]),
    ("a = importlib.import_module('b.c')", [(0, "b.c", [])]),
    ("important = 1\nreimport(a)\n# import a\n", []),
]


@pytest.mark.parametrize(("text", "imports"), IMPORTS)
def test_imports_are_read_without_parsing(text: str, imports: list[cache.Import]) -> None:
    assert survey.note(text.encode()) == (False, imports)


def test_the_standard_library_s_imports_are_seen() -> None:
    """Nothing that `ast` sees is missed."""
    folder = Path(sysconfig.get_path("stdlib"))
    missed: list[str] = []
    for path in sorted(folder.glob("*.py")) + sorted(folder.glob("asyncio/*.py")):
        data = path.read_bytes()
        seen = {
            (level, module, name) for level, module, names in survey.note(data)[1] for name in [*names, ""]
        }
        for node in walk(ast.parse(data)):
            if isinstance(node, ast.Import):
                wanted = {(0, alias.name, "") for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                wanted = {(node.level, node.module or "", alias.name) for alias in node.names}
            else:
                continue
            missed += [f"{path.name}:{node.lineno} {name}" for name in wanted - seen]
    assert missed == []


def test_a_link_to_a_file_is_one_file(tree: Path) -> None:
    (tree / "alias.py").symlink_to(tree / "client.py")
    assert len(texts(migrate([tree]))) == 2


def test_a_cache_of_another_tree_says_nothing(tree: Path, tmp_path: Path) -> None:
    options = Options(cache=tmp_path / "cache")
    migrate([tree], options)
    shutil.copytree(tree, tmp_path / "other")
    (tmp_path / "other" / "report.py").write_text("print('no grpc')\n")
    assert texts(migrate([tmp_path / "other"], options)).keys() == {"client.py"}


def test_notes_are_plain_data(tree: Path, tmp_path: Path) -> None:
    migrate([tree], Options(cache=tmp_path / "cache"))
    stored = json.loads((tmp_path / "cache" / "notes.json").read_text())
    assert stored["files"][str(tree / "report.py")][3:] == [False, [[0, "client", []]]]
