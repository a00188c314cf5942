"""The months of docs/rollout.md, on a copy of the legacy application: green after every command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from examples.demo import (
    CODEMOD_TIMEOUT,
    LEGACY,
    PYTEST_MIGRATED,
    ROOT,
    RUN_TIMEOUT,
    TESTS_TIMEOUT,
    changed,
    run_command,
    snapshot,
)
from examples.demo import copy_application as copy_to

from .test_legacy_app import EXPECTED, require_success

PAGE = ROOT / "docs" / "rollout.md"
COMMANDS = [
    line.removeprefix("python ")
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
WRITES_NOTHING = ("--check", "--write-baseline")

pytestmark = pytest.mark.timeout(len(COMMANDS) * (TESTS_TIMEOUT + CODEMOD_TIMEOUT))


def project(folder: Path) -> Path:
    """A copy of the application that is a project of its own: what is outside a run is looked for there."""
    application = copy_to(folder)
    (application / ".git").mkdir()
    return application


def codemod(application: Path, command: str, logs: Path, number: int) -> None:
    require_success(
        run_command(
            shlex.split(command), cwd=application, log=logs / f"codemod{number}", timeout=CODEMOD_TIMEOUT
        )
    )


def require_green(application: Path, logs: Path, number: int) -> None:
    outcome = run_command(["run.py"], cwd=application, log=logs / f"run{number}", timeout=RUN_TIMEOUT)
    require_success(outcome)
    assert outcome.stdout == EXPECTED
    require_success(
        run_command(PYTEST_MIGRATED, cwd=application, log=logs / f"tests{number}", timeout=TESTS_TIMEOUT)
    )


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The application after one run over everything."""
    application = project(tmp_path_factory.mktemp("at-once") / "app")
    codemod(application, "-m grpc_bridge.codemod .", tmp_path_factory.mktemp("logs"), 0)
    return sources(application)


def sources(application: Path) -> dict[str, str]:
    return {name: digest for name, digest in snapshot(application).items() if name.endswith(".py")}


def test_the_months_of_the_page(tmp_path: Path, at_once: dict[str, str]) -> None:
    assert len(COMMANDS) >= 10
    application = project(tmp_path / "app")
    for number, command in enumerate(COMMANDS):
        before = sources(application)
        codemod(application, command, tmp_path, number)
        touched = changed(before, sources(application))
        assert bool(touched) != any(option in command for option in WRITES_NOTHING), command
        if touched:
            require_green(application, tmp_path, number)
    assert (application / "migration.html").is_file()
    assert changed(sources(application), at_once) == []


def test_callers_first_and_imports_late(tmp_path: Path, at_once: dict[str, str]) -> None:
    """A run before the imports were changed everywhere changes imports alone."""
    application = project(tmp_path / "app")
    for number, what in enumerate(["cli tests", "--only GB101 .", "cli tests", "orders", "."]):
        codemod(application, f"-m grpc_bridge.codemod {what}", tmp_path, number)
        require_green(application, tmp_path, number)
    assert changed(sources(application), at_once) == []


def test_the_page_names_packages_of_the_application() -> None:
    named = {part for command in COMMANDS for part in command.split() if (LEGACY / part).is_dir()}
    assert {"pricing", "inventory", "orders", "common", "."} <= named
