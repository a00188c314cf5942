"""mypy knows what stock stubs return in both colours, by mypy-protobuf's files and types-grpcio."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .test_calls import PATIENCE, ROOT, marked

pytestmark = pytest.mark.timeout(2 * PATIENCE + 10)

FIXTURE = Path(__file__).with_name("stock_stubs.py")


def test_mypy(tmp_path: Path) -> None:
    for module in ("mypy", "mypy_protobuf", "grpc_tools"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    shutil.copy(ROOT / "tests" / "protos" / "exchange.proto", tmp_path)
    # protoc finds mypy-protobuf's plugins on PATH, beside this interpreter.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    outputs = [f"--{kind}_out=." for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    run("-m", "grpc_tools.protoc", "-I.", *outputs, "exchange.proto", cwd=tmp_path, PATH=path)
    # In the strict mode of the project's own settings.
    found = run("-m", "mypy", "--no-error-summary", str(FIXTURE), cwd=ROOT, MYPYPATH=str(tmp_path))
    errors = [line for line in found.splitlines() if ": error" in line]
    assert all(line.startswith("tests/typing/stock_stubs.py:") for line in errors), found
    assert sorted({int(line.split(":")[1]) for line in errors}) == marked("mypy", FIXTURE), found


def run(*arguments: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout
