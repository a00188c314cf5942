"""The command line and `[tool.grpc_bridge]` of the nearest pyproject.toml, as one."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec

from . import cache, rules
from .options import Options, Style

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

STYLES: tuple[Style, ...] = ("iterate", "send-receive")
PICTURES = (".svg", ".html")
REPORTS = (".txt", ".json", ".sarif", ".html")
LISTS = frozenset({"only", "skip", "include", "exclude", "report", "keep_sync"})
TEXTS = frozenset({"baseline", "style"})
FLAGS = frozenset({"quiet"})
NUMBERS = frozenset({"jobs"})
STDIN = "-"


@dataclass(frozen=True)
class Settings:
    """What to do, and how."""

    paths: tuple[Path, ...]
    stdin: bool
    diff: bool
    check: bool
    list_rules: bool
    explain: str | None
    graph: Path | None
    reports: tuple[Path, ...]
    baseline: Path | None
    write_baseline: bool
    quiet: bool
    options: Options

    @property
    def looks(self) -> bool:
        """True where the tree stays as it is."""
        return self.stdin or self.diff or self.check or self.write_baseline or self.graph is not None


def read(argv: Sequence[str] | None) -> Settings:
    """The settings of a command line; leaves by way of `SystemExit(2)` where they make no sense."""
    parser = _parser()
    given = parser.parse_args(argv)
    if not (given.paths or given.list_rules or given.explain):
        parser.error("the following arguments are required: PATH")
    if STDIN in given.paths and len(given.paths) > 1:
        parser.error("- stands alone: one source is read, one is written")
    file = _nearest(parser, [Path(path) for path in given.paths if path != STDIN])
    table = _table(parser, file)
    merged: dict[str, Any] = {**table, **{k: v for k, v in vars(given).items() if v is not None}}
    if file is not None:
        # Paths of a configuration are relative to where it stands.
        for key in {"report", "baseline"} & (table.keys() - _said(given)):
            value = merged[key]
            merged[key] = [file.parent / p for p in value] if key == "report" else file.parent / value
    reports = tuple(Path(path) for path in merged.get("report") or ())
    for report in reports:
        _writable(parser, "--report", report, REPORTS)
    if given.graph:
        _writable(parser, "--graph", Path(given.graph), PICTURES)
    style = merged.get("style") or STYLES[0]
    if style not in STYLES:
        parser.error(f"style {style!r} is none of {', '.join(STYLES)}")
    baseline = Path(merged["baseline"]) if merged.get("baseline") else None
    if given.write_baseline:
        if baseline is None:
            parser.error("--write-baseline needs --baseline FILE")
        _writable(parser, "--baseline", baseline)
    if given.baseline and not (given.check or given.write_baseline):
        parser.error("--baseline says what --check accepts; it needs --check or --write-baseline")
    return Settings(
        paths=tuple(Path(path) for path in given.paths if path != STDIN),
        stdin=STDIN in given.paths,
        diff=given.diff,
        check=given.check,
        list_rules=given.list_rules,
        explain=given.explain,
        graph=Path(given.graph) if given.graph else None,
        reports=reports,
        baseline=baseline,
        write_baseline=given.write_baseline,
        quiet=bool(merged.get("quiet")),
        options=Options(
            keep_sync=frozenset(merged.get("keep_sync") or ()),
            skip=_skipped(parser, merged),
            include=_patterns(parser, "include", merged),
            exclude=_patterns(parser, "exclude", merged),
            style=style,
            jobs=merged.get("jobs"),
            cache=_cache(given),
        ),
    )


def _cache(given: argparse.Namespace) -> Path | None:
    """The folder of the cache: the user's own, for a run may have to leave the tree as it is."""
    if given.no_cache or STDIN in given.paths or not given.paths:
        return None
    return Path(given.cache_dir) if given.cache_dir else cache.folder(Path(given.paths[0]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m grpc_bridge.codemod",
        description="Rewrite code for synchronous gRPC into asyncio on grpc_bridge, in place: "
        "all files or none.",
        epilog="Exit status: 0 done, 1 work left (--check), 2 usage, 3 a file failed. "
        "A comment, `# grpc-bridge: keep`, on a line or a function leaves it as it is. "
        "[tool.grpc_bridge] of the nearest pyproject.toml takes only, skip, include, exclude, report, "
        "baseline, style, quiet, jobs and keep_sync.",
    )
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="a file, a folder of Python files, or - for standard input"
    )
    looking = parser.add_argument_group("to look, and rewrite nothing")
    looking.add_argument("--diff", action="store_true", help="print what would change")
    looking.add_argument("--check", action="store_true", help="end with status 1 if work is left")
    looking.add_argument(
        "--graph", metavar="FILE", help=f"draw who waits for whom, as the ending says: {', '.join(PICTURES)}"
    )
    looking.add_argument(
        "--explain",
        metavar="GBnnn|FILE:LINE",
        help="explain a rule, or why the function at a line becomes a coroutine or stays sync",
    )
    looking.add_argument("--list-rules", action="store_true", help="list the rules")
    looking.add_argument(
        "--write-baseline", action="store_true", help="write --baseline: accept all work that is left now"
    )
    parser.add_argument("--only", metavar="GBnnn[,...]", type=_ids, help="make these rules' edits alone")
    parser.add_argument("--skip", metavar="GBnnn[,...]", type=_ids, help="make no edits of these rules")
    parser.add_argument(
        "--include", metavar="GLOB", action="append", help="only files that match (.gitignore's patterns)"
    )
    parser.add_argument(
        "--exclude", metavar="GLOB", action="append", help="no files that match (the same patterns)"
    )
    parser.add_argument(
        "--style", choices=STYLES, help="how streaming calls are written; iterate, if not said"
    )
    parser.add_argument(
        "--report",
        metavar="FILE",
        action="append",
        help="write a report of what was rewritten, or with --diff or --check of what would be, as its "
        f"ending says: {', '.join(REPORTS)}",
    )
    parser.add_argument(
        "--jobs", metavar="N", type=_count, help="worker processes; as many as pay, if not said"
    )
    parser.add_argument(
        "--cache-dir",
        metavar="DIR",
        help="where to keep what a second run need not do again; if not said, the user's folder of caches",
    )
    parser.add_argument("--no-cache", action="store_true", help="keep nothing, and use nothing that was kept")
    parser.add_argument("--baseline", metavar="FILE", help="the file of work that --check accepts")
    parser.add_argument("--quiet", action="store_true", default=None, help="say nothing but what failed")
    return parser


def _writable(parser: argparse.ArgumentParser, option: str, file: Path, endings: Sequence[str] = ()) -> None:
    """Refuse a file that could not be written in the end, before anything is rewritten."""
    if endings and file.suffix not in endings:
        parser.error(f"{option} {file}: its ending has to be one of {' '.join(endings)}")
    if not file.parent.is_dir():
        parser.error(f"{option} {file}: no such directory: {file.parent}")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes")
    return int(text)


def _ids(text: str) -> list[str]:
    ids = [part.strip() for part in text.split(",") if part.strip()]
    if not ids:
        raise argparse.ArgumentTypeError("names no rule")
    return ids


def _skipped(parser: argparse.ArgumentParser, merged: dict[str, Any]) -> frozenset[str]:
    known = {rule.id for rule in rules.RULES}
    only, skip = merged.get("only"), merged.get("skip") or []
    for rule in (*(only or ()), *skip):
        if rule not in known:
            parser.error(f"no rule is called {rule}; --list-rules shows them")
    return frozenset(skip) | (known - set(only) if only else frozenset())


def _patterns(parser: argparse.ArgumentParser, key: str, merged: dict[str, Any]) -> tuple[str, ...]:
    patterns: tuple[str, ...] = tuple(merged.get(key) or ())
    for pattern in patterns:
        try:
            GitIgnoreSpec.from_lines([pattern])
        except (ValueError, re.error) as error:
            parser.error(f"{key} {pattern!r} is no pattern of .gitignore: {error}")
    return patterns


def _said(given: argparse.Namespace) -> set[str]:
    return {key for key, value in vars(given).items() if value is not None}


def _nearest(parser: argparse.ArgumentParser, paths: Sequence[Path]) -> Path | None:
    """The pyproject.toml, of the first path or above it, that speaks of grpc_bridge."""
    start = Path(os.path.realpath(paths[0] if paths else Path()))
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file() and "grpc_bridge" in _read(parser, file):
            return file
    return None


def _read(parser: argparse.ArgumentParser, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        parser.error(f"{file}: {error.strerror}")


def _table(parser: argparse.ArgumentParser, file: Path | None) -> dict[str, Any]:
    """`[tool.grpc_bridge]`, with what is unknown or of another type refused."""
    if file is None:
        return {}
    try:
        tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        parser.error(f"{file}: {error}")
    table = tool.get("grpc_bridge", {}) if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        parser.error(f"{file}: [tool.grpc_bridge] has to be a table of settings")
    for key, value in table.items():
        where = f"{file}: tool.grpc_bridge.{key}"
        if key in LISTS:
            if not (isinstance(value, list) and all(isinstance(part, str) for part in value)):
                parser.error(f"{where} has to be a list of strings")
        elif key in TEXTS:
            if not isinstance(value, str):
                parser.error(f"{where} has to be a string")
        elif key in FLAGS:
            if not isinstance(value, bool):
                parser.error(f"{where} has to be true or false")
        elif key in NUMBERS:
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                parser.error(f"{where} has to be a number, 1 or more")
        else:
            known = ", ".join(sorted(LISTS | TEXTS | FLAGS | NUMBERS))
            parser.error(f"{where} is not known; known are {known}")
    return dict(table)
