"""What a bench found, for the terminal and as JSON."""

from __future__ import annotations

import dataclasses
import platform
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

from .measure import Result, Sample, Spread, ratio
from .scenarios import Case

_MICRO = 1e6
_PACKAGES = ("grpcio", "grpc-bridge", "protobuf", "uvloop", "grpclib", "connectrpc", "libcst")


def table(case: Case, results: Sequence[Result]) -> str:
    """One case as plain text; what is absent or broke keeps its row and says why."""
    ends = _ends(results)
    first, *others = case.figures
    header = [
        "",
        first.unit,
        "low..high",
        *[figure.unit for figure in others],
        *[f"{end} us" for end in ends],
    ]
    header += ["ratio", "low..high", *(["CPU ratio"] if case.ends else []), "to"]
    rows = [header, *[_row(case, result, results, ends) for result in results]]
    full = [row for row in rows if len(row) == len(header)]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    widths[0] = max(len(row[0]) for row in rows)
    lines = [case.title + (" (less is better)" if first.less_is_better else "")]
    for row in rows:
        if len(row) < len(header):
            lines.append(f"  {row[0].ljust(widths[0])}  {row[1]}")
            continue
        numbers = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        lines.append("  " + "  ".join([row[0].ljust(widths[0]), *numbers, row[-1]]).rstrip())
    return "\n".join(lines)


def _row(case: Case, result: Result, results: Sequence[Result], ends: Sequence[str]) -> list[str]:
    if not result.samples:
        return [result.name, f"{'FAILED' if result.failed else 'absent'}: {result.problem}"]
    first, *others = case.figures
    shown = result.spread(first)
    cells = [result.name, first.text(shown.median), f"{first.text(shown.low)}..{first.text(shown.high)}"]
    cells += [figure.text(result.spread(figure).median) for figure in others]
    cells += [f"{result.cpu(end).median * _MICRO:.0f}" for end in ends]
    found = ratios(case, result, results)
    if first.name not in found:
        return [*cells, "", "", *([""] if case.ends else []), ""]
    spread = found[first.name]
    cells += [f"{spread.median:.2f}", f"{spread.low:.2f}..{spread.high:.2f}"]
    if case.ends:
        cells.append(f"{found['cpu'].median:.2f}" if "cpu" in found else "")
    return [*cells, result.against or ""]


def as_json(case: Case, results: Sequence[Result]) -> dict[str, Any]:
    return {
        "key": case.key,
        "title": case.title,
        "ends": list(case.ends),
        "figures": [
            {"name": figure.name, "unit": figure.unit, "digits": figure.digits, "less": figure.less_is_better}
            for figure in case.figures
        ],
        "contenders": [_contender_as_json(case, result, results) for result in results],
    }


def _contender_as_json(case: Case, result: Result, results: Sequence[Result]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": result.name}
    if result.problem is not None:
        return {**found, "failed" if result.failed else "absent": result.problem}
    found["figures"] = {f.name: dataclasses.asdict(result.spread(f)) for f in case.figures}
    found["cpu"] = {end: dataclasses.asdict(result.cpu(end)) for end in _ends([result])}
    compared = ratios(case, result, results)
    if compared:
        found["against"] = result.against
        found["ratios"] = {name: dataclasses.asdict(spread) for name, spread in compared.items()}
    found["samples"] = [dataclasses.asdict(sample) for sample in result.samples]
    return found


def ratios(case: Case, result: Result, results: Sequence[Result]) -> dict[str, Spread]:
    """Every figure, and the CPU of the case's ends, to those of what `result` is compared with."""
    reference = next((other for other in results if other.name == result.against), None)
    if reference is None:
        return {}

    def cpu(sample: Sample) -> float:
        return sample.cpu_per_operation(*case.ends)

    values: dict[str, Callable[[Sample], float]] = {figure.name: figure.of for figure in case.figures}
    if case.ends:
        values["cpu"] = cpu
    found = {name: ratio(result, reference, value) for name, value in values.items()}
    return {name: spread for name, spread in found.items() if spread is not None}


def _ends(results: Sequence[Result]) -> list[str]:
    """The ends whose CPU was taken: the same in every sample."""
    return next((list(result.samples[0].cpu) for result in results if result.samples), [])


def environment() -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
