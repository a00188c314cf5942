"""mypy and pyright report the forgotten `await`s and the wrong messages of `calls.py`, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = Path(__file__).with_name("calls.py")
PATIENCE = 50

pytestmark = pytest.mark.timeout(PATIENCE + 10)


def marked(checker: str, fixture: Path = FIXTURE) -> list[int]:
    """The lines of the fixture that the checker has to report."""
    lines = fixture.read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) if re.search(rf"  # .*\b{checker}\b", line)]


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def test_mypy() -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    # In the strict mode of the project's own settings.
    found = run(sys.executable, "-m", "mypy", "--no-error-summary", str(FIXTURE))
    errors = [line for line in found.splitlines() if ": error" in line]
    assert all(line.startswith("tests/typing/calls.py:") for line in errors), found
    assert sorted({int(line.split(":")[1]) for line in errors}) == marked("mypy"), found


def test_pyright(tmp_path: Path) -> None:
    checker = shutil.which("basedpyright", path=str(Path(sys.executable).parent))
    if checker is None:
        pytest.skip("basedpyright is not installed")
    settings = tmp_path / "pyrightconfig.json"
    settings.write_text(
        json.dumps(
            {
                "include": [str(FIXTURE)],
                "extraPaths": [str(ROOT)],
                "typeCheckingMode": "standard",
                "reportUnusedCoroutine": "error",
                "pythonPath": sys.executable,
            }
        )
    )
    found = json.loads(
        run(checker, "--outputjson", "--project", str(settings), "--pythonpath", sys.executable)
    )
    errors = [one for one in found["generalDiagnostics"] if one["severity"] == "error"]
    reported = sorted({one["range"]["start"]["line"] + 1 for one in errors})
    assert reported == marked("pyright"), json.dumps(errors, indent=1)
