"""The command line: `python -m grpc_bridge.codemod [--diff] [--check] PATH...`."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .discover import NoSuchPath
from .report import terminal
from .runner import Result, WriteError, migrate, write

DONE, WORK_LEFT, USAGE, FAILED = 0, 1, 2, 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run the codemod; returns the exit status."""
    options = _parser().parse_args(argv)
    try:
        result = migrate([Path(path) for path in options.paths])
    except NoSuchPath as error:
        print(f"grpc_bridge.codemod: no such file or directory: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("grpc_bridge.codemod: interrupted, nothing was changed", file=sys.stderr)
        return FAILED
    dry = options.diff or options.check
    if options.diff:
        sys.stdout.writelines(_diff(result))
    if not dry:
        try:
            write(result)
        except WriteError as error:
            print(f"grpc_bridge.codemod: nothing was changed: {error}", file=sys.stderr)
            return FAILED
        except KeyboardInterrupt:
            print("grpc_bridge.codemod: interrupted, nothing was changed", file=sys.stderr)
            return FAILED
    for line in terminal.lines(result, written=not dry):
        print(line, file=sys.stderr)
    if result.failed:
        return FAILED
    return WORK_LEFT if options.check and result.changed else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m grpc_bridge.codemod",
        description="Rewrite code for synchronous gRPC into asyncio on grpc_bridge.",
        epilog="Exit status: 0 done, 1 work left (--check), 2 usage, 3 a file failed.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder of Python files")
    parser.add_argument("--diff", action="store_true", help="print what would change, and write nothing")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if work is left")
    return parser


def _diff(result: Result) -> Iterator[str]:
    for path, text in sorted(result.changed.items()):
        before = result.before[path].splitlines(keepends=True)
        after = text.splitlines(keepends=True)
        for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"):
            if line.endswith("\n"):
                yield line
            else:
                yield f"{line}\n\\ No newline at end of file\n"
