"""Code outside the run that says what its stubs are: found as Python would find it, read, never written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from . import protofile
from .discover import Source, parse, project

SPEAKS = (b"_pb2_grpc", b"unary_unary")
"""A module of an installed package is read where it has one of these: it makes stubs or hands them on."""

NOT_READ = frozenset({"grpc", "grpc_bridge", "grpc_testing", "grpc_tools", "google"})
"""grpcio's own packages, which the surface table knows, and protobuf's, which make no calls."""


class Finder:
    """Looks modules up in the folders around their importer, and where packages are installed."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self.roots = list(roots)
        self.places: list[Path] | None = None
        self.installed: dict[str, Path | None] = {}
        self.protos: dict[Path, dict[str, list[Path]]] = {}

    def find(self, importer: Path, name: str) -> Source | None:
        """The module that `import name` in `importer` means, if it has to do with stubs."""
        if name.split(".")[0] in NOT_READ or name.split(".")[0] in sys.stdlib_module_names:
            return None
        parts = name.split(".")
        if not installed(importer):
            for folder in protofile.above(importer):
                found = at(folder.joinpath(*parts))
                if found is not None:
                    return self.read(found)
        if name not in self.installed:
            found_in = (at(place.joinpath(*parts)) for place in self.search_path())
            self.installed[name] = next((path for path in found_in if path is not None), None)
        path = self.installed[name]
        if path is not None:
            return self.read(path, ours=self.is_ours(path))
        return self.of_proto(importer, parts) if parts[-1].endswith("_pb2_grpc") else None

    def is_ours(self, path: Path) -> bool:
        """True for a file of the project, and not of another that this interpreter happens to find."""
        home = project(path.resolve())
        return any(project(root.resolve() / "module.py") == home for root in self.roots)

    def read(self, path: Path, ours: bool = True) -> Source | None:
        """A file of the project, or one that makes stubs, declares them or hands them on."""
        try:
            data = path.read_bytes()
        except OSError:
            return None
        told = path.stem.endswith("_pb2_grpc") or any(word in data for word in SPEAKS)
        if not told and (not ours or installed(path) or path.suffix != ".py"):
            return None
        outcome = parse(path, data)
        return outcome if isinstance(outcome, Source) else None

    def search_path(self) -> list[Path]:
        """Where packages are installed: the project's virtual environment, then this interpreter's."""
        if self.places is None:
            homes = [Path(os.environ["VIRTUAL_ENV"])] if "VIRTUAL_ENV" in os.environ else []
            for root in {project(path) or path for path in (root.resolve() for root in self.roots)}:
                homes += (mark.parent for mark in sorted(root.glob("*/pyvenv.cfg")))
            packages = [place for home in homes for place in sorted(home.glob("lib/python*/site-packages"))]
            self.places = [*packages, *(Path(entry) for entry in sys.path if entry)]
        return self.places

    def of_proto(self, importer: Path, parts: list[str]) -> Source | None:
        """The .proto file of which a generated module would be made, read in its place."""
        root = project(importer.resolve())
        if root is None:
            return None
        if root not in self.protos:
            self.protos[root] = protofile.files_by_stem(root)
        candidates = self.protos[root].get(parts[-1].removesuffix("_pb2_grpc"), [])
        wanted = [*parts[:-1], parts[-1].removesuffix("_pb2_grpc") + ".proto"]
        best = max(candidates, key=lambda path: (_shared(path.parts, wanted), -len(path.parts)), default=None)
        return protofile.stand_in(best) if best is not None else None


def installed(path: Path) -> bool:
    """True for a file that pip has put where it is: the project's people do not migrate it."""
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts)


def at(base: Path) -> Path | None:
    """The file of the module that is called like `base` without an ending."""
    for candidate in (
        base.with_name(f"{base.name}.py"),
        base / "__init__.py",
        base.with_name(f"{base.name}.pyi"),
    ):
        if candidate.is_file():
            return candidate
    return None


def _shared(path: tuple[str, ...], wanted: list[str]) -> int:
    """How many parts two paths share at their ends."""
    count = 0
    for left, right in zip(reversed(path), reversed(wanted), strict=False):
        if left != right:
            break
        count += 1
    return count
