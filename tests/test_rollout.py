"""The months of docs/rollout.md, on a copy of the legacy application: green after every command."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from examples.demo import (
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
from grpc_bridge.codemod.cli import main

from .test_legacy_app import EXPECTED, require_success

PAGE = ROOT / "docs" / "rollout.md"
COMMANDS = [
    line.removeprefix("python ")
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
WRITES_NOTHING = ("--check", "--write-baseline")

pytestmark = pytest.mark.timeout(len(COMMANDS) * TESTS_TIMEOUT)


def project(folder: Path) -> Path:
    """A copy of the application that is a project of its own: what is outside a run is looked for there."""
    application = copy_to(folder)
    (application / ".git").mkdir()
    return application


def codemod(application: Path, command: str) -> None:
    """Run the command line as `python -m grpc_bridge.codemod` does, in the application's folder."""
    _, module, *arguments = shlex.split(command)
    assert module == "grpc_bridge.codemod"
    before = Path.cwd()
    os.chdir(application)
    try:
        assert main(arguments) == 0
    finally:
        os.chdir(before)


def require_green(application: Path, logs: Path, number: int, tests: bool = True) -> None:
    """What the application prints is what it printed, and its tests pass; the two at once."""
    with ThreadPoolExecutor(2) as pool:
        run = pool.submit(
            run_command, ["run.py"], cwd=application, log=logs / f"run{number}", timeout=RUN_TIMEOUT
        )
        if tests:
            require_success(
                run_command(
                    PYTEST_MIGRATED, cwd=application, log=logs / f"tests{number}", timeout=TESTS_TIMEOUT
                )
            )
        outcome = run.result()
    require_success(outcome)
    assert outcome.stdout == EXPECTED


@pytest.fixture(autouse=True, scope="module")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What was read of other code by another version of the codemod is not asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The application after one run over everything."""
    application = project(tmp_path_factory.mktemp("at-once") / "app")
    codemod(application, "-m grpc_bridge.codemod .")
    return sources(application)


def sources(application: Path) -> dict[str, str]:
    return {name: digest for name, digest in snapshot(application).items() if name.endswith(".py")}


def test_the_months_of_the_page(tmp_path: Path, at_once: dict[str, str]) -> None:
    assert len(COMMANDS) >= 10
    application = project(tmp_path / "app")
    for number, command in enumerate(COMMANDS):
        before = sources(application)
        codemod(application, command)
        touched = changed(before, sources(application))
        assert bool(touched) != any(option in command for option in WRITES_NOTHING), command
        if touched:
            require_green(application, tmp_path, number)
    assert (application / "migration.html").is_file()
    assert changed(sources(application), at_once) == []


def test_callers_first_and_imports_late(tmp_path: Path, at_once: dict[str, str]) -> None:
    """A run before the imports were changed everywhere changes imports alone."""
    application = project(tmp_path / "app")
    steps = ["cli tests", "--only GB101 .", "cli tests", "orders", "."]
    for number, what in enumerate(steps):
        codemod(application, f"-m grpc_bridge.codemod {what}")
        # The last step ends where the other test ends, which has run the tests there.
        require_green(application, tmp_path, number, tests=what != ".")
    assert changed(sources(application), at_once) == []


def test_the_page_names_packages_of_the_application() -> None:
    named = {part for command in COMMANDS for part in command.split() if (LEGACY / part).is_dir()}
    assert {"pricing", "inventory", "orders", "common", "."} <= named
