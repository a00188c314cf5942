"""What is released, as far as it shows in a second: metadata, the sdist's files, and the smoke test.

`make release-check` builds all of it and tries it in an environment of its own.
"""

from __future__ import annotations

import ast
import itertools
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import grpc_bridge

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PATIENCE = 50
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
METADATA: dict[str, Any] = PROJECT["project"]


def pythons() -> list[str]:
    """The Python versions of the classifiers."""
    return [
        line.rpartition(" ")[2]
        for line in METADATA["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", line)
    ]


def test_the_versions_agree() -> None:
    assert METADATA["version"] == grpc_bridge.__version__
    assert METADATA["requires-python"] == f">={pythons()[0]}"


def test_a_wheel_is_built_for_every_python_that_we_name() -> None:
    built = PROJECT["tool"]["cibuildwheel"]["build"].split()
    assert built == [f"cp{version.replace('.', '')}-*" for version in pythons()]


def test_the_range_of_grpcio_is_said_once() -> None:
    (named,) = re.findall(
        r'^SUPPORTED_GRPCIO = "(.*)"$', (ROOT / "grpc_bridge/_cy/ccore/port.pyx").read_text(), re.M
    )
    extras = itertools.chain(METADATA["dependencies"], *METADATA["optional-dependencies"].values())
    ranges = {line.partition(">=")[2] for line in extras if re.match(r"grpcio(-[a-z-]+)?>=", line)}
    assert ranges == {named.removeprefix(">=")}


def test_the_metadata_is_complete() -> None:
    for key in (
        "description",
        "readme",
        "license",
        "license-files",
        "authors",
        "keywords",
        "classifiers",
        "urls",
    ):
        assert METADATA[key], key
    assert {"Source", "Documentation", "Issues", "Changelog"} <= METADATA["urls"].keys()
    for script in METADATA["scripts"].values():
        module, _, function = script.partition(":")
        tree = ast.parse((ROOT / module.replace(".", "/")).with_suffix(".py").read_text("utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def packages(requirements: Iterable[str]) -> set[str]:
    """Their names, without our own, by which one extra asks for another."""
    names = {re.split(r"[^A-Za-z0-9-]", line, maxsplit=1)[0].lower() for line in requirements}
    return names - {METADATA["name"]}


def explained(page: str) -> set[str]:
    """The packages that the tables of a page have a row for."""
    cells = re.findall(r"^\| (?!package|---)(.*?) \|", page, re.M)
    names = (name for cell in cells for name in re.sub(r" \(.*?\)", "", cell).split(", "))
    # "grpcio-health-checking, -reflection" leaves the prefix out.
    return {f"grpcio{name}" if name.startswith("-") else name.lower() for name in names}


def test_every_package_has_its_reason_and_no_other() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    asked_for = (
        METADATA["dependencies"],
        *METADATA["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
        PROJECT["build-system"]["requires"],
    )
    assert explained(page) == packages(itertools.chain(*asked_for))
    run_time = page.partition("Optional:")[0]
    assert explained(run_time) == packages(METADATA["dependencies"])


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of an sdist, built from a copy, beside which a checkout's leftovers lie."""
    checkout = tmp_path_factory.mktemp("checkout") / "checkout"
    left_out = shutil.ignore_patterns(
        ".git", ".venv", "build", "dist", "*.egg-info", ".*_cache", ".hypothesis", "*.so", "*.c"
    )
    shutil.copytree(ROOT, checkout, ignore=left_out)
    for leftover in (
        "grpc_bridge/_border.c",
        "grpc_bridge/_cy/port.so",
        "tests/__pycache__/x.pyc",
        "docs/_build/x.html",
    ):
        (checkout / leftover).parent.mkdir(exist_ok=True)
        (checkout / leftover).touch()
    build = "import setuptools.build_meta as backend; print(backend.build_sdist('.'))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", build],
        cwd=checkout, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with tarfile.open(checkout / done.stdout.splitlines()[-1]) as archive:
        names = [member.name.partition("/")[2] for member in archive if member.isfile()]
    return set(names)


def test_the_sdist_has_every_source(sdist: set[str]) -> None:
    endings = {".py", ".pyi", ".pyx", ".pxd", ".j2", ".typed"}
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "grpc_bridge").rglob("*")
        if path.suffix in endings or path.name == "py.typed"
    }
    assert len(package) > 100
    assert package - sdist == set()
    for extension in PROJECT["tool"]["setuptools"]["ext-modules"]:
        assert set(extension["sources"]) <= sdist
    assert {
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "pyproject.toml",
        "tests/conftest.py",
        "docs/rules.md",
    } <= sdist


def test_the_sdist_has_nothing_that_was_made(sdist: set[str]) -> None:
    made = re.compile(
        r"\.(so|c|py[cod])$|__pycache__|(^|/)\.[a-z]+_cache/|^docs/_build/|^\.hypothesis/|^build/"
    )
    assert [name for name in sdist if made.search(name)] == []


def test_the_smoke_test_of_wheels(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(Path(__file__).with_name("smoke.py"))],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"works from {ROOT / 'grpc_bridge'}" in done.stdout
