"""The command: `python -m bench`, also run by `make bench`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from . import report
from .loops import LOOPS
from .measure import compare
from .messages import CODECS
from .scenarios import SCENARIOS


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    found = []
    failed = False
    print(
        f"{options.rounds} rounds of {options.seconds:g} s each, in turn; {options.messages} messages of "
        f"{options.payload} B, {options.loop}, {os.cpu_count()} CPUs"
    )
    for name in options.only or SCENARIOS:
        scenario = SCENARIOS[name]
        print(f"\n== {name}: {scenario.summary}", flush=True)
        cases = []
        for case in scenario.cases(options):
            results = compare(case.contenders, options.rounds, options.seconds, _progress)
            _progress("")
            print(report.table(case, results), end="\n\n", flush=True)
            cases.append(report.as_json(case, results))
            failed = failed or any(result.failed for result in results)
        found.append({"scenario": name, "summary": scenario.summary, "cases": cases})
        # After each, so that what was measured is not lost with what comes after it.
        _write(options, found)
    print(f"all samples: {options.json}")
    return 1 if failed else 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m bench", description="Measure grpc_bridge and its peers.")
    made.add_argument("--rounds", type=_count, default=5, help="samples of each contender (5)")
    made.add_argument("--seconds", type=_seconds, default=1.0, help="length of a sample (1.0)")
    made.add_argument(
        "--only", action="append", choices=SCENARIOS, help="measure this scenario; may be repeated"
    )
    made.add_argument("--messages", choices=CODECS, default="raw", help="what is sent (raw)")
    made.add_argument("--payload", type=_count, default=64, help="bytes in a message (64)")
    made.add_argument("--loop", choices=LOOPS, default="asyncio", help="event loop of async ends (asyncio)")
    made.add_argument("--streams", type=_count, default=10_000, help="idle streams (10000)")
    made.add_argument("--lines", type=_count, default=1_000_000, help="of the codemod's tree (1000000)")
    made.add_argument("--json", type=Path, default=Path("build/bench.json"), help="file for all samples")
    return made


def _count(text: str) -> int:
    return int(_amount(text, int))


def _seconds(text: str) -> float:
    return _amount(text, float)


def _amount(text: str, kind: Callable[[str], float]) -> float:
    value = kind(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _write(options: argparse.Namespace, found: list[dict[str, object]]) -> None:
    settings = {key: value for key, value in vars(options).items() if key not in ("json", "only")}
    document = {"settings": settings, "environment": report.environment(), "scenarios": found}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
