"""What a bench found, for the terminal and as JSON."""

from __future__ import annotations

import dataclasses
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from .measure import Result, Sample, Spread, ratio
from .scenarios import Case

_MICRO = 1e6


def table(case: Case, results: Sequence[Result]) -> str:
    """One case as plain text; what is absent or broke keeps its row and says why."""
    ends = _ends(results)
    header = ["", "calls/s", "low..high", *[f"{end} us" for end in ends]]
    header += ["ratio", "low..high", "CPU ratio", "to"]
    rows = [header, *[_row(case, result, results, ends) for result in results]]
    full = [row for row in rows if len(row) == len(header)]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    widths[0] = max(len(row[0]) for row in rows)
    lines = [case.title]
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
    rate = result.rate()
    cells = [result.name, f"{rate.median:,.0f}", f"{rate.low:,.0f}..{rate.high:,.0f}"]
    cells += [f"{result.cpu(end).median * _MICRO:.0f}" for end in ends]
    rates, cpu = _ratios(case, result, results)
    if rates is None or cpu is None:
        return [*cells, "", "", "", ""]
    compared = [f"{rates.median:.2f}", f"{rates.low:.2f}..{rates.high:.2f}", f"{cpu.median:.2f}"]
    return [*cells, *compared, result.against or ""]


def as_json(case: Case, results: Sequence[Result]) -> dict[str, Any]:
    return {
        "title": case.title,
        "ends": list(case.ends),
        "contenders": [_contender_as_json(case, result, results) for result in results],
    }


def _contender_as_json(case: Case, result: Result, results: Sequence[Result]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": result.name}
    if result.problem is not None:
        return {**found, "failed" if result.failed else "absent": result.problem}
    found["rate"] = dataclasses.asdict(result.rate())
    found["cpu"] = {end: dataclasses.asdict(result.cpu(end)) for end in _ends([result])}
    rates, cpu = _ratios(case, result, results)
    if rates is not None and cpu is not None:
        found["against"] = result.against
        found["rate_ratio"] = dataclasses.asdict(rates)
        found["cpu_ratio"] = dataclasses.asdict(cpu)
    found["samples"] = [dataclasses.asdict(sample) for sample in result.samples]
    return found


def _ratios(case: Case, result: Result, results: Sequence[Result]) -> tuple[Spread | None, Spread | None]:
    """Rate and CPU per call, to the contender that `result` is compared with."""

    def cpu(sample: Sample) -> float:
        return sample.cpu_per_operation(*case.ends)

    for reference in results:
        if reference.name == result.against:
            return ratio(result, reference, lambda sample: sample.rate), ratio(result, reference, cpu)
    return None, None


def _ends(results: Sequence[Result]) -> list[str]:
    """The ends whose CPU was taken: the same in every sample."""
    return next((list(result.samples[0].cpu) for result in results if result.samples), [])


def environment() -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": {name: _version(name) for name in ("grpcio", "grpc-bridge", "protobuf", "uvloop")},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
