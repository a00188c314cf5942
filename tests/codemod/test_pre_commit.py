"""The pre-commit hooks: what pre-commit asks of their definition, and that their commands work."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .test_cli import AFTER, BEFORE, project

__all__ = ["project"]

TOP = Path(__file__).parents[2]
HOOKS: list[dict[str, Any]] = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())
KEYS = {"id", "name", "description", "entry", "args", "language", "types", "pass_filenames", "require_serial"}


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_says_what_pre_commit_needs(hook: dict[str, Any]) -> None:
    assert {"id", "name", "entry", "language"} <= set(hook) <= KEYS
    assert hook["language"] == "python"
    assert hook["pass_filenames"] is False


def run(id_: str, project: Path) -> subprocess.CompletedProcess[str]:
    """As pre-commit does: the entry and its arguments, at the top of the repository."""
    (hook,) = (hook for hook in HOOKS if hook["id"] == id_)
    program, *rest = [*shlex.split(hook["entry"]), *hook["args"]]
    assert program == "python"
    return subprocess.run(
        [sys.executable, *rest],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_hooks_work(project: Path) -> None:
    assert run("grpc-bridge-check", project).returncode == 1
    assert (project / "app.py").read_text() == BEFORE
    assert run("grpc-bridge", project).returncode == 0
    assert (project / "app.py").read_text() == AFTER
    assert run("grpc-bridge-check", project).returncode == 0


def test_the_check_takes_its_baseline_from_the_configuration(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.grpc_bridge]\nbaseline = "baseline.json"\n')
    done = subprocess.run(
        [sys.executable, "-m", "grpc_bridge.codemod", "--write-baseline", str(project)],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0
    assert run("grpc-bridge-check", project).returncode == 0
    (project / "more.py").write_text(BEFORE)
    assert run("grpc-bridge-check", project).returncode == 1
