"""Item 12: each place that was not migrated has one stable line, and `--check` fails while any remains."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from grpc_bridge.codemod.cli import main

from ..codemod.tool import generated

SOURCE = """\
import threading

import grpc

from greet_pb2_grpc import GreeterStub

LOCK = threading.Lock()


class Client:
    def __init__(self, stub: GreeterStub):
        self.stub = stub
        self.version = stub.Hi("version")

    def refresh(self):
        with LOCK:
            return self.stub.Hi("all")


def prices(stub: GreeterStub, names):
    return sorted(names, key=lambda name: stub.Hi(name))
"""
LINE = re.compile(
    r"(?P<path>.+):(?P<line>\d+):(?P<column>\d+): (?P<rule>GB\d{3}) (?P<reason>.+)\. (?P<fix>.+)"
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "greet_pb2_grpc.py").write_text(generated())
    (root / "shop.py").write_text(SOURCE)
    return root


def places(tree: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[tuple[str, int, str]]:
    """The coded lines of a run: file, line, rule."""
    main([*options, str(tree)])
    found = [match for line in capsys.readouterr().err.splitlines() if (match := LINE.fullmatch(line))]
    assert all(match["reason"] and match["fix"] for match in found)
    return [(Path(match["path"]).name, int(match["line"]), match["rule"]) for match in found]


def test_one_coded_line_for_each_place(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = [("shop.py", 11, "GB713"), ("shop.py", 15, "GB704"), ("shop.py", 21, "GB717")]
    assert places(tree, capsys, "--check") == expected
    assert places(tree, capsys, "--check") == expected


def test_the_same_as_json(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = places(tree, capsys, "--check", "--report", str(tmp_path / "report.json"))
    report = json.loads((tmp_path / "report.json").read_text())
    found = [
        (Path(file["path"]).name, finding["line"], finding["rule"])
        for package in report["packages"]
        for file in package["files"]
        for finding in file["to_decide"]
    ]
    assert found == wanted
    assert all(
        rule["remedy"] for id_, rule in report["rules"].items() if id_ in {rule for _, _, rule in wanted}
    )


def test_check_fails_while_any_remains(tree: Path) -> None:
    assert main(["--check", str(tree)]) == 1
    assert main([str(tree)]) == 0
    assert main(["--check", str(tree)]) == 1  # three places are a person's to decide
    (tree / "shop.py").write_text("import grpc_bridge as grpc\n")
    assert main(["--check", str(tree)]) == 0


def test_a_second_run_writes_nothing(tree: Path) -> None:
    (tree / "client.py").write_text(
        "from greet_pb2_grpc import GreeterStub\n\n\ndef hi(stub: GreeterStub):\n    return stub.Hi(1)\n"
    )
    assert main([str(tree)]) == 0
    for path in tree.iterdir():
        os.utime(path, (1, 1))
    before = {
        path.name: (path.read_bytes(), path.stat().st_mtime, path.stat().st_ino) for path in tree.iterdir()
    }
    assert b"async def hi" in before["client.py"][0]
    assert main([str(tree)]) == 0
    after = {
        path.name: (path.read_bytes(), path.stat().st_mtime, path.stat().st_ino) for path in tree.iterdir()
    }
    assert after == before


def test_a_file_in_which_nothing_changes_is_not_written(tree: Path) -> None:
    plain = tree / "plain.py"
    plain.write_text("x  =  [1,2 ,3]   # formatted by nobody\n")
    os.utime(plain, (1, 1))
    inode = plain.stat().st_ino
    assert main([str(tree)]) == 0
    assert (plain.stat().st_mtime, plain.stat().st_ino) == (1, inode)
