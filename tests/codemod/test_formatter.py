"""What comes out needs no formatter run, where none was needed before: with the project's own formatter."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from grpc_bridge.codemod import formatter
from grpc_bridge.codemod.cli import main

from .tool import generated

BEFORE = """\
import grpc
from greet_pb2_grpc import GreeterStub


def use(stub: GreeterStub, record):
    record("twice", stub.Hi({"number": 1, "name": "one"}).text, stub.Hi({}).text)
"""
LONG = """\
import grpc_bridge as grpc
from greet_pb2_grpc import GreeterStub


async def use(stub: GreeterStub, record):
    record("twice", (await stub.Hi({"number": 1, "name": "one"})).text, (await stub.Hi({})).text)
"""
TIDY = (
    LONG.partition("    record")[0]
    + """\
    record(
        "twice",
        (await stub.Hi({"number": 1, "name": "one"})).text,
        (await stub.Hi({})).text,
    )
"""
)
UNTIDY = "X = {  'a':1 }\n"
CONFIGURED = {
    "ruff": ("pyproject.toml", "[tool.ruff]\nline-length = 88\n"),
    "ruff.toml": ("ruff.toml", "line-length = 88\n"),
    "black": ("pyproject.toml", "[tool.black]\nline-length = 88\n\n[tool.ruff]\nline-length = 60\n"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    formatter._command.cache_clear()
    (tmp_path / ".git").mkdir()
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    (tmp_path / "app.py").write_text(BEFORE)
    return tmp_path


def configure(project: Path, how: str) -> None:
    name, text = CONFIGURED[how]
    (project / name).write_text(text)


@pytest.mark.parametrize("how", CONFIGURED)
def test_lines_that_became_too_long_are_wrapped(project: Path, how: str) -> None:
    configure(project, how)
    (project / "inner").mkdir()
    (project / "inner" / "app.py").write_text(BEFORE)
    assert main(["--quiet", str(project)]) == 0
    assert (project / "app.py").read_text() == TIDY
    assert (project / "inner" / "app.py").read_text() == TIDY
    assert main(["--check", str(project)]) == 0


def test_nothing_of_the_project_is_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `python -m black` would in the folder of the file."""
    configure(project, "black")
    for name in ("black", "click", "tokenize"):
        (project / f"{name}.py").write_text("raise SystemExit('this was imported')\n")
    monkeypatch.setenv("PYTHONPATH", str(project))
    assert main(["--quiet", str(project)]) == 0
    assert (project / "app.py").read_text() == TIDY


def test_a_file_that_was_not_as_the_formatter_leaves_it_is_kept_to_the_byte(project: Path) -> None:
    configure(project, "ruff")
    (project / "app.py").write_text(BEFORE + UNTIDY)
    assert main(["--quiet", str(project)]) == 0
    assert (project / "app.py").read_text() == LONG + UNTIDY


def test_where_no_formatter_is_configured_none_is_run(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.isort]\n")
    (project.parent / "ruff.toml").write_text("")
    assert main(["--quiet", str(project)]) == 0
    assert (project / "app.py").read_text() == LONG


def test_a_formatter_that_is_not_installed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(project, "ruff")
    monkeypatch.setattr(formatter.shutil, "which", lambda *_, **__: None)
    assert main(["--quiet", str(project)]) == 0
    assert (project / "app.py").read_text() == LONG


def test_a_formatter_that_fails(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.ruff]\nline-length = 'long'\n")
    assert main(["--quiet", str(project)]) == 0
    assert (project / "app.py").read_text() == LONG


@pytest.mark.parametrize("broken", ["lambda: (", "x = 1"])
def test_a_formatter_that_changes_what_is_said(
    project: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    program = (
        "import sys; text = sys.stdin.read();"
        f"print(text, 'await' in text and {broken!r} or '', end='', sep='')"
    )
    monkeypatch.setattr(formatter, "_command", lambda _: (sys.executable, "-c", program))
    assert main(["--quiet", str(project)]) == 0
    assert (project / "app.py").read_text() == LONG


def test_line_endings_and_encodings_are_kept(project: Path) -> None:
    configure(project, "ruff")
    (project / "app.py").write_bytes(BEFORE.replace("\n", "\r\n").encode())
    latin = b"# coding: latin-1\n" + BEFORE.encode() + b'NAME = "\xe9"\n'
    (project / "latin.py").write_bytes(latin)
    assert main(["--quiet", str(project)]) == 0
    assert (project / "app.py").read_bytes() == TIDY.replace("\n", "\r\n").encode()
    assert (project / "latin.py").read_bytes().startswith(b"# coding: latin-1\n" + LONG.encode())


def test_what_is_shown_is_what_would_be_written(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(project, "ruff")
    monkeypatch.chdir(project)
    assert main(["--diff", "app.py"]) == 0
    assert '+        (await stub.Hi({"number": 1, "name": "one"})).text,\n' in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BEFORE.encode())))
    assert main(["-"]) == 0
    assert capsys.readouterr().out == TIDY
    assert (project / "app.py").read_text() == BEFORE
