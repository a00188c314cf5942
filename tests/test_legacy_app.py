"""The legacy application: as it is on grpcio, and migrated on grpc_bridge.

What `make demo` shows, as a test. The application and its own pytest suite run in processes of
their own, because they are programs of somebody else: neither this suite's settings nor its
event loop may reach them.
"""

from __future__ import annotations

import compileall
from pathlib import Path

import pytest

from examples.demo import (
    CODEMOD_TIMEOUT,
    LEGACY,
    PYTEST,
    PYTEST_MIGRATED,
    RUN_TIMEOUT,
    TESTS_TIMEOUT,
    Outcome,
    changed,
    is_generated,
    run_command,
    snapshot,
    still_on_grpcio,
)
from examples.demo import copy_application as copy_to

# Longer than the commands' own limits, whose messages say more than pytest-timeout's stacks.
pytestmark = pytest.mark.timeout(TESTS_TIMEOUT + CODEMOD_TIMEOUT)

EXPECTED = (LEGACY / "expected_output.txt").read_text("utf-8")


def require_success(outcome: Outcome) -> None:
    assert outcome.ok, (
        f"{outcome.command}: {outcome.why()}\n{outcome.stdout[-4000:]}\n{outcome.stderr[-4000:]}"
    )


def codemod(application: Path, logs: Path, *options: str) -> Outcome:
    return run_command(
        ["-m", "grpc_bridge.codemod", *options, str(application)],
        cwd=application.parent,
        log=logs / f"codemod{''.join(options)}",
        timeout=CODEMOD_TIMEOUT,
    )


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_to(tmp_path_factory.mktemp("legacy") / "app")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory, logs: Path) -> Path:
    application = copy_to(tmp_path_factory.mktemp("migrated") / "app")
    require_success(codemod(application, logs))
    return application


def test_legacy_output(legacy: Path, logs: Path) -> None:
    outcome = run_command(["run.py"], cwd=legacy, log=logs / "legacy", timeout=RUN_TIMEOUT)
    require_success(outcome)
    assert outcome.stdout == EXPECTED


def test_legacy_suite(legacy: Path, logs: Path) -> None:
    arguments = (*PYTEST, "-p", "no:asyncio")
    require_success(run_command(arguments, cwd=legacy, log=logs / "legacy-tests", timeout=TESTS_TIMEOUT))


def test_legacy_application_needs_grpcio_alone() -> None:
    named = [path.name for path in LEGACY.rglob("*.py") if "grpc_bridge" in path.read_text("utf-8")]
    assert named == []


def test_diff_writes_nothing(legacy: Path, logs: Path) -> None:
    before = snapshot(legacy)
    outcome = codemod(legacy, logs, "--diff")
    assert outcome.stdout.startswith("--- "), outcome.stderr
    assert changed(before, snapshot(legacy)) == []


def test_check_asks_for_migration(legacy: Path, logs: Path) -> None:
    before = snapshot(legacy)
    outcome = codemod(legacy, logs, "--check")
    assert outcome.status == 1
    assert "inventory/client.py" in outcome.stdout + outcome.stderr
    assert changed(before, snapshot(legacy)) == []


def test_migrated_files(migrated: Path) -> None:
    touched = changed(snapshot(LEGACY), snapshot(migrated))
    assert touched
    assert [name for name in touched if is_generated(name)] == []
    assert still_on_grpcio(migrated) == []
    assert compileall.compile_dir(str(migrated), quiet=1, force=True)


def test_migrated_output(migrated: Path, logs: Path) -> None:
    outcome = run_command(["run.py"], cwd=migrated, log=logs / "migrated", timeout=RUN_TIMEOUT)
    require_success(outcome)
    assert outcome.stdout == EXPECTED


def test_migrated_suite(migrated: Path, logs: Path) -> None:
    require_success(
        run_command(PYTEST_MIGRATED, cwd=migrated, log=logs / "migrated-tests", timeout=TESTS_TIMEOUT)
    )


def test_second_run_changes_nothing(migrated: Path, logs: Path) -> None:
    before = snapshot(migrated)
    require_success(codemod(migrated, logs))
    assert changed(before, snapshot(migrated)) == []
    require_success(codemod(migrated, logs, "--check"))
