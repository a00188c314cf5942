"""Writes docs/performance.md and its plots: `python -m bench.document build/bench.json`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from . import plots
from .messages import STREAMED
from .targets import TARGETS, Verdict, verdict

_TOP = Path(__file__).resolve().parents[1]
_MICRO = 1e6

ROUNDS = 5
"""A median of fewer says nothing of a target."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.document", description=__doc__)
    parser.add_argument("json", type=Path, help="what `python -m bench` wrote")
    parser.add_argument("--page", type=Path, default=_TOP / "docs" / "performance.md")
    parser.add_argument("--images", type=Path, default=_TOP / "docs" / "images", help="folder for the plots")
    options = parser.parse_args(arguments)
    found = json.loads(options.json.read_text(encoding="utf-8"))
    verdicts = [verdict(target, found) for target in TARGETS]
    try:
        images = draw(found, verdicts, options.images)
    except ImportError as error:
        print(f"without plots: {error}", file=sys.stderr)
        images = {}
    links = {name: os.path.relpath(file, options.page.parent) for name, file in images.items()}
    options.page.write_text(page(found, verdicts, links), encoding="utf-8")
    return 0


def page(found: Mapping[str, Any], verdicts: Sequence[Verdict], images: Mapping[str, str]) -> str:
    """The page as Markdown; `images` are links by scenario, and `targets`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.ChainableUndefined,
        trim_blocks=False,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters.update(measured=measured, spread=spread, judged=judged, table=table)
    text = environment.get_template("performance.md.j2").render(
        **found, verdicts=verdicts, images=images, streamed=STREAMED, least=ROUNDS
    )
    return text.rstrip() + "\n"


def draw(found: Mapping[str, Any], verdicts: Sequence[Verdict], folder: Path) -> dict[str, Path]:
    """One plot of the targets, and one of each scenario that compares; the files, by name."""
    drawn = {}
    rows = [
        plots.Bar(v.target.what, v.median, v.low or 0.0, v.high or 0.0, bound=v.target.bound)
        for v in verdicts
        if v.median is not None and not v.target.absolute
    ]
    if rows:
        drawn["targets"] = folder / "performance-targets.svg"
        plots.bars(drawn["targets"], "ratio to what it is held against; red: the target", rows)
    for scenario in found["scenarios"]:
        rows = [row for case in scenario["cases"] for row in _bars(case)]
        if rows:
            name = scenario["scenario"]
            drawn[name] = folder / f"performance-{name}.svg"
            less = scenario["cases"][0]["figures"][0]["less"]
            plots.bars(drawn[name], f"ratio, {'less' if less else 'more'} is better", rows)
    return drawn


def _bars(case: Mapping[str, Any]) -> list[plots.Bar]:
    figure = case["figures"][0]["name"]
    return [
        plots.Bar(
            f"{case['key'].partition('/')[2]}  {contender['name']}".strip(),
            **contender["ratios"][figure],
            ours="bridge" in contender["name"],
        )
        for contender in case["contenders"]
        if figure in contender.get("ratios", {})
    ]


def _is_ours(contender: Mapping[str, Any]) -> bool:
    return not any(peer in contender["name"] for peer in ("grpclib", "connectrpc"))


# ---- what the template asks for ----------------------------------------------------------------------


def measured(shown: Verdict) -> str:
    if shown.median is None:
        return ""
    if shown.in_futures is None:
        return f"{shown.median:.2f}"
    return f"{shown.median:.2f}, or {shown.in_futures:.2f} futures"


def spread(shown: Verdict) -> str:
    return "" if shown.median is None else f"{shown.low:.2f} to {shown.high:.2f}"


def judged(shown: Verdict, rounds: int) -> str:
    if shown.met is None:
        return f"not measured ({shown.missing})"
    if rounds < ROUNDS:
        return "too short a run to say"
    return "met" if shown.met else "**not met**"


def table(case: Mapping[str, Any]) -> str:
    """A case's contenders as a table; what is absent or broke keeps its row and says why."""
    first, *others = case["figures"]
    ends = next((list(c["cpu"]) for c in case["contenders"] if "cpu" in c), [])
    header = ["", first["unit"], "spread", *[figure["unit"] for figure in others]]
    header += [f"{end} CPU, us" for end in ends]
    header += ["ratio", "spread", *(["CPU ratio"] if case["ends"] else []), "to"]
    rows = [header, ["---"] * len(header)]
    for contender in case["contenders"]:
        row = [contender["name"], *_cells(case, contender, ends)]
        rows.append([*row, *[""] * (len(header) - len(row))])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cells(case: Mapping[str, Any], contender: Mapping[str, Any], ends: Sequence[str]) -> list[str]:
    for problem in ("absent", "failed"):
        if problem in contender:
            return [f"{problem}: {contender[problem]}"]
    first, *others = case["figures"]
    shown = contender["figures"][first["name"]]
    cells = [
        _number(shown["median"], first),
        f"{_number(shown['low'], first)} to {_number(shown['high'], first)}",
    ]
    cells += [_number(contender["figures"][figure["name"]]["median"], figure) for figure in others]
    cells += [f"{contender['cpu'][end]['median'] * _MICRO:.0f}" for end in ends]
    compared = contender.get("ratios", {})
    if first["name"] in compared:
        ratio = compared[first["name"]]
        cells += [f"{ratio['median']:.2f}", f"{ratio['low']:.2f} to {ratio['high']:.2f}"]
        if case["ends"]:
            cells.append(f"{compared['cpu']['median']:.2f}" if "cpu" in compared else "")
        cells.append(contender["against"])
    return cells


def _number(value: float, figure: Mapping[str, Any]) -> str:
    return f"{value:,.{figure['digits']}f}"


if __name__ == "__main__":
    sys.exit(main())
