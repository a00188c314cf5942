"""The months of docs/rollout.md, on a copy of the legacy application: green after every command."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from examples.demo import (
    LEGACY,
    PYTEST_MIGRATED,
    ROOT,
    RUN_TIMEOUT,
    TESTS_TIMEOUT,
    Outcome,
    changed,
    run_command,
    snapshot,
)
from examples.demo import copy_application as copy_to
from grpc_bridge.codemod.cli import main
from grpc_bridge.codemod.settings import read

from .docs.pages import examples
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


class Proof:
    """That the application is as good after every step: what it prints, and its tests.

    Both wait most of the time, so each step has a copy of the application, and all are looked at together.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # As it comes, it is looked at by test_legacy_app.
        self.seen = [sources(LEGACY)]
        self.pool = ThreadPoolExecutor(4)
        self.pending: list[Future[Outcome]] = []

    def after(self, application: Path) -> None:
        """Look at the application as it stands now, unless it stood so before."""
        if sources(application) in self.seen:
            return
        self.seen.append(sources(application))
        step = self.folder / f"step{len(self.seen)}"
        copy = shutil.copytree(application, step / "app")
        for arguments, timeout in ((PYTEST_MIGRATED, TESTS_TIMEOUT), (["run.py"], RUN_TIMEOUT)):
            log = step / arguments[0].strip("-")
            self.pending.append(self.pool.submit(run_command, arguments, cwd=copy, log=log, timeout=timeout))

    def require(self) -> None:
        for pending in self.pending:
            outcome = pending.result()
            require_success(outcome)
            assert "run.py" not in outcome.command or outcome.stdout == EXPECTED, outcome.log


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    proof = Proof(tmp_path_factory.mktemp("proof"))
    with proof.pool:
        yield proof


@pytest.fixture(autouse=True, scope="module")
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What was read of other code by another version of the codemod is not asked; pytest has what the
    application requires, and not all that is installed here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.setenv("PYTEST_PLUGINS", "pytest_asyncio.plugin")
        yield


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The application after one run over everything."""
    application = project(tmp_path_factory.mktemp("at-once") / "app")
    codemod(application, "-m grpc_bridge.codemod .")
    return sources(application)


def sources(application: Path) -> dict[str, str]:
    return {name: digest for name, digest in snapshot(application).items() if name.endswith(".py")}


def test_the_months_of_the_page(tmp_path: Path, at_once: dict[str, str], proof: Proof) -> None:
    assert len(COMMANDS) >= 10
    application = project(tmp_path / "app")
    for command in COMMANDS:
        before = sources(application)
        codemod(application, command)
        touched = changed(before, sources(application))
        assert bool(touched) != any(option in command for option in WRITES_NOTHING), command
        proof.after(application)
    assert (application / "migration.html").is_file()
    assert changed(sources(application), at_once) == []
    proof.require()


def test_callers_first_and_imports_late(tmp_path: Path, at_once: dict[str, str], proof: Proof) -> None:
    """A run before the imports were changed everywhere changes imports alone."""
    application = project(tmp_path / "app")
    for what in ("cli tests", "--only GB101 .", "cli tests", "orders", "."):
        codemod(application, f"-m grpc_bridge.codemod {what}")
        proof.after(application)
    assert changed(sources(application), at_once) == []
    proof.require()


def test_the_settings_of_the_page(tmp_path: Path) -> None:
    [table] = [example.code for example in examples("docs/rollout.md") if example.language == "toml"]
    (tmp_path / "pyproject.toml").write_text(table)
    given = read(["--check", str(tmp_path)])
    assert given.baseline == tmp_path / "grpc-baseline.json"
    assert given.options.exclude == ("third_party/",)
    assert given.options.keep_sync == {"billing.export"}


def test_the_page_names_packages_of_the_application() -> None:
    named = {part for command in COMMANDS for part in command.split() if (LEGACY / part).is_dir()}
    assert {"pricing", "inventory", "orders", "common", "."} <= named
