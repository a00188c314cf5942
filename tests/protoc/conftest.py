"""Runs protoc with the plugin, and the tools that judge what it writes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 50.0

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command's end: its status and what it wrote."""
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def python(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python's end, in an interpreter like this one."""
    return run(sys.executable, *arguments, cwd=cwd, **environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where .proto files and what becomes of them lie."""
    return tmp_path


@pytest.fixture
def generate(folder: Path) -> Callable[[Mapping[str, str]], Path]:
    """Writes .proto files and has them compiled: messages, their types, and the plugin's file."""

    def compile_all(protos: Mapping[str, str]) -> Path:
        for name, text in protos.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        outputs = (f"--{kind}_out=." for kind in ("python", "pyi", "grpc_python_async"))
        ended = python("-m", "grpc_bridge.protoc", "-I.", *outputs, *protos, cwd=folder)
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr == ""
        return folder

    return compile_all


def is_formatted(*files: Path) -> None:
    """Fail unless ruff, left to its defaults, would change nothing."""
    ended = python("-m", "ruff", "format", "--isolated", "--diff", *files, cwd=files[0].parent)
    assert ended.returncode == 0, ended.stdout


def mypy_findings(folder: Path, *files: str) -> list[str]:
    """What ``mypy --strict`` finds: ``file:line code``."""
    # What it has read of typeshed and of grpcio's stubs it need not read again.
    strict = ("--strict", "--no-error-summary", "--cache-dir", str(ROOT / "build" / "mypy"))
    ended = python("-m", "mypy", *strict, *files, cwd=folder, MYPYPATH=str(ROOT))
    return [
        f"{match[1]}:{match[2]} {match[3]}"
        for match in re.finditer(r"^(.*?):(\d+): error: .*\[([\w-]+)\]$", ended.stdout, re.MULTILINE)
    ]


def pyright_findings(folder: Path, *files: str) -> list[str]:
    """What basedpyright finds in its strict mode: ``file:line rule``."""
    (folder / "pyrightconfig.json").write_text(f'{{"typeCheckingMode": "strict", "extraPaths": ["{ROOT}"]}}')
    ended = python("-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable, *files, cwd=folder)
    return [
        f"{Path(found['file']).name}:{line} {found.get('rule', found['message'])}"
        for found in json.loads(ended.stdout)["generalDiagnostics"]
        for line in [found["range"]["start"]["line"] + 1]
    ]
