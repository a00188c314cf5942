"""The codemod over code that has nothing to do with it: it ends, and changes nothing where no gRPC is."""

from __future__ import annotations

import ast
import os
import re
import shutil
import sysconfig
import warnings
from pathlib import Path

import pytest

from grpc_bridge.codemod import callgraph, indexing, infer, propagate, rules
from grpc_bridge.codemod.discover import Source, parse
from grpc_bridge.codemod.rules.base import Plan, View
from grpc_bridge.codemod.runner import migrate

STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
PACKAGES = Path(sysconfig.get_path("purelib"))
SAMPLE = (
    "asyncio",
    "concurrent",
    "email",
    "http",
    "json",
    "logging",
    "multiprocessing",
    "unittest",
    "xmlrpc",
)
"""Of the standard library; `make repeat` takes all of it, and every installed package."""

WHOLE = bool(os.environ.get("GRPC_BRIDGE_WHOLE"))


def analysed(files: list[Path]) -> list[str]:
    """Run every step but the last over all of the files, as if they mattered; returns the edits."""
    sources = [s for path in files if isinstance(s := parse(path, path.read_bytes()), Source)]
    program = indexing.build(sources, roots=[files[0].parent])
    facts = infer.infer(program)
    graph = callgraph.build(program, facts)
    colours = propagate.propagate(program, graph, facts)
    edits: list[str] = []
    for module in program.modules.values():
        plan = Plan(module)
        for fn in module.functions if module.in_run else ():
            found = rules.edits(View(fn, plan, program, graph, facts, colours))
            edits += [f"{module.path}:{edit.key.start[0]} {edit.rule}" for edit in found]
    return edits


def python_files(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*.py"))
        if "site-packages" not in path.parts[len(folder.parts) :]
    ]


@pytest.mark.parametrize("name", SAMPLE)
def test_the_analysis_of_a_part_of_the_standard_library(name: str) -> None:
    files = python_files(STANDARD_LIBRARY / name)
    assert files
    assert analysed(files) == []


def test_a_run_over_a_part_of_the_standard_library(tmp_path: Path) -> None:
    """The command itself: nothing speaks of gRPC, so nothing is even parsed."""
    # A copy, or all that is in the interpreter's own repository would be looked at for what calls it.
    (tmp_path / "pyproject.toml").touch()
    for name in SAMPLE:
        shutil.copytree(STANDARD_LIBRARY / name, tmp_path / name)
    result = migrate([tmp_path / name for name in SAMPLE])
    assert (result.changed, result.failed, result.findings) == ({}, [], [])
    assert len(result.unchanged) > 100


def folders() -> list[str]:
    """The parts of the standard library; what has no folder is the last."""
    names = sorted(path.name for path in STANDARD_LIBRARY.iterdir() if path.is_dir())
    return [name for name in names if name not in ("site-packages", "__pycache__")] + ["."]


@pytest.mark.skipif(not WHOLE, reason="minutes long: make repeat")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", folders())
def test_the_analysis_of_the_whole_standard_library(name: str) -> None:
    files = python_files(STANDARD_LIBRARY / name) if name != "." else sorted(STANDARD_LIBRARY.glob("*.py"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not files or analysed(files) == []


SPEAKING = (
    "connectrpc",
    "grpc_channelz",
    "grpc_health",
    "grpc_reflection",
    "grpc_status",
    "grpc_testing",
    "grpclib",
    "mypy_protobuf",
    "py_grpc_prometheus",
)
"""Packages that speak of gRPC, as far as they are installed: what there is to rewrite is there."""


def installed() -> list[Path]:
    """Every package of the environment, namespace packages too."""
    return sorted(
        path
        for path in PACKAGES.iterdir()
        if path.is_dir() and path.name.isidentifier() and path.name not in ("__pycache__", "grpc_bridge")
    )


def check_run(package: Path, tmp_path: Path) -> None:
    """A run over a copy ends, what it rewrites compiles, and what does not speak of gRPC stays."""
    files = python_files(package)
    for path in files:
        copy = tmp_path / package.name / path.relative_to(package)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    result = migrate([tmp_path / package.name])
    broken = [f for f in result.failed if "syntax" not in f.reason and "cannot be parsed" not in f.reason]
    assert [f for f in broken if "larger" not in f.reason and "Python 2" not in f.reason] == []
    for path, text in result.changed.items():
        ast.parse(text)
        assert re.search(r"grpc", text), path
    if not any(b"grpc" in path.read_bytes() for path in files):
        assert result.changed == {}


@pytest.mark.parametrize(
    "package", [p for p in installed() if p.name in SPEAKING], ids=lambda path: path.name
)
def test_a_run_over_a_package_that_speaks_of_grpc(package: Path, tmp_path: Path) -> None:
    check_run(package, tmp_path)


@pytest.mark.skipif(not WHOLE, reason="minutes long: make repeat")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("package", installed(), ids=lambda path: path.name)
def test_a_run_over_an_installed_package(package: Path, tmp_path: Path) -> None:
    if not python_files(package):
        pytest.skip("nothing of it is in Python")
    check_run(package, tmp_path)


def test_the_installed_package_with_most_grpc(tmp_path: Path) -> None:
    """grpcio's health, reflection and status packages are real programs over gRPC."""
    for name in ("grpc_health", "grpc_reflection", "grpc_status"):
        for path in python_files(PACKAGES / name):
            copy = tmp_path / name / path.relative_to(PACKAGES / name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    result = migrate([tmp_path])
    assert result.failed == []
    assert result.changed
