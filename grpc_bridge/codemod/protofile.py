"""Reads .proto files as far as the analysis needs them: services, their methods, which of them stream."""

from __future__ import annotations

import ast
import keyword
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .discover import Source

_TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?(?:\*/|\Z) | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | [\w.]+ | \S""",
    re.VERBOSE | re.DOTALL,
)
_RPC = re.compile(r"rpc (\w+) \( (stream )?[\w.]+ \) returns \( (stream )?[\w.]+ \)")


def arities(text: str) -> dict[str, dict[str, str]]:
    """The arity of every method, by service: `{"Greeter": {"Hi": "unary_unary"}}`."""
    tokens = [token for token in _TOKEN.findall(text) if not token.startswith(("//", "/*", '"', "'"))]
    found: dict[str, dict[str, str]] = {}
    for index, (word, name, brace) in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False)):
        if word == "service" and name.isidentifier() and brace == "{":
            body = " ".join(_block(tokens[index + 2 :]))
            found[name] = {
                method: f"{'stream' if request else 'unary'}_{'stream' if response else 'unary'}"
                for method, request, response in _RPC.findall(body)
            }
    return found


def _block(tokens: list[str]) -> Iterator[str]:
    """What stands between the first brace and the one that closes it."""
    depth = 0
    for token in tokens:
        depth += (token == "{") - (token == "}")
        if depth == 0:
            return
        yield token


SKIPPED = frozenset({"node_modules", "build", "dist", "site-packages"})


def above(file: Path) -> Iterator[Path]:
    """The folders around a file, up to that of its project."""
    for folder in file.resolve().parents:
        yield folder
        if (folder / ".git").exists() or (folder / "pyproject.toml").exists():
            return


def find(path: str, importer: Path, roots: Iterable[Path]) -> Path | None:
    """The file that `grpc.services(path)` compiles; it searches a sys.path that a run of ours cannot know.

    The folders from the importer's own up stand for it, then the roots of the run, then our own sys.path.
    """
    if not path.endswith(".proto"):
        return None
    candidates = (folder / path for folder in (*above(importer), *roots, *map(Path, sys.path)))
    return next((candidate.resolve() for candidate in candidates if candidate.is_file()), None)


def files_by_stem(root: Path) -> dict[str, list[Path]]:
    """Every .proto file under a folder, by its name without the ending."""
    found: dict[str, list[Path]] = {}
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = sorted(
            name for name in subfolders if not name.startswith(".") and name not in SKIPPED
        )
        for name in sorted(files):
            if name.endswith(".proto"):
                found.setdefault(name.removesuffix(".proto").replace("-", "_"), []).append(Path(folder, name))
    return found


def stand_in(path: Path) -> Source:
    """What protoc would write for a .proto file, under that file's own path."""
    return source_of(path, arities(path.read_text(encoding="utf-8", errors="replace")))


def source_of(path: Path | str, services: Mapping[str, Mapping[str, str]]) -> Source:
    """A generated module for services whose arities are known, without the messages."""
    code = generated(services)
    return Source(Path(path), code.encode(), code, "utf-8", False, ast.parse(code), generated=True)


def generated(services: Mapping[str, Mapping[str, str]]) -> str:
    """What protoc's plugin would write for these services."""
    lines = ["import grpc"]
    for service, named in services.items():
        # A method called by a keyword can only be reached by getattr; a class needs a body.
        methods = {name: arity for name, arity in named.items() if not keyword.iskeyword(name)}
        lines += [f"class {service}Stub:", "    def __init__(self, channel):", "        pass"]
        lines += [f"        self.{name} = channel.{arity}('')" for name, arity in methods.items()]
        lines += [f"class {service}Servicer:", "    pass"]
        lines += [f"    def {name}(self, request, context): pass" for name in methods]
        lines += [f"def add_{service}Servicer_to_server(servicer, server):", "    pass"]
        lines += [f"    grpc.{arity}_rpc_method_handler(servicer.{name})" for name, arity in methods.items()]
    return "\n".join(lines) + "\n"
