"""docs/performance.md: what is met and what is not, who is absent and why, from a run's JSON alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench import document
from bench.targets import TARGETS, Target, verdict

SPREAD = {"median": 1.25, "low": 1.0, "high": 1.5}


def _run(rounds: int, *contenders: dict[str, Any], key: str = "unary-client/1") -> dict[str, Any]:
    figure = {"name": "rate", "unit": "calls/s", "digits": 0, "less": False}
    case = {"key": key, "title": "a case", "ends": [], "figures": [figure], "contenders": list(contenders)}
    return {
        "settings": {
            "rounds": rounds,
            "seconds": 1.0,
            "messages": "raw",
            "payload": 64,
            "loop": "asyncio",
            "streams": 20,
            "lines": 2000,
        },
        "environment": {"python": "3.11", "platform": "here", "packages": {"grpcio": "1", "uvloop": None}},
        "scenarios": [{"scenario": key.partition("/")[0], "summary": "some", "cases": [case]}],
    }


def _contender(name: str, **more: Any) -> dict[str, Any]:
    rate = {"median": 1234.0, "low": 1000.0, "high": 2000.0}
    return {"name": name, "figures": {"rate": rate}, "cpu": {"client": rate}, **more}


OURS = _contender("grpc_bridge async client", against="grpc.aio client", ratios={"rate": SPREAD})
THEIRS = _contender("grpc.aio client")
ABSENT = {"name": "grpclib client", "absent": "No module named 'grpclib'"}


def _target(bound: float, sense: Any = "at least") -> Target:
    return Target("calls", "grpc.aio", "unary-client/1", "grpc_bridge async client", "rate", bound, sense)


@pytest.mark.parametrize(
    ("bound", "sense", "met"),
    [(1.25, "at least", True), (1.26, "at least", False), (1.25, "at most", True), (1.24, "at most", False)],
)
def test_the_median_is_held_against_the_target(bound: float, sense: str, met: bool) -> None:
    assert verdict(_target(bound, sense), _run(5, THEIRS, OURS)).met is met


@pytest.mark.parametrize(
    ("contenders", "reason"),
    [
        ([], "not in this run"),
        ([{"name": "grpc_bridge async client", "absent": "gone"}], "absent: gone"),
        ([{"name": "grpc_bridge async client", "failed": "broke"}], "failed: broke"),
        ([_contender("grpc_bridge async client")], "grpc.aio was not measured"),
    ],
)
def test_what_was_not_measured_is_not_met(contenders: list[dict[str, Any]], reason: str) -> None:
    found = verdict(_target(1.0), _run(5, *contenders))
    assert found.met is None
    assert found.missing == reason


def test_a_figure_of_our_layers_is_held_against_microseconds() -> None:
    row = "client, concurrency 1"
    target = next(t for t in TARGETS if t.absolute and t.contender == row)
    layer = {
        "name": row,
        "figures": {"time": SPREAD},
        "cpu": {},
        "ratios": {"time": {**SPREAD, "median": 3.0}},
    }
    found = verdict(target, _run(5, layer, key="layers/unary"))
    assert (found.median, found.in_futures, found.met) == (1.25, 3.0, True)
    assert document.measured(found) == "1.25, or 3.00 futures"


def test_the_page_has_targets_rows_and_reasons(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    file.write_text(json.dumps(_run(5, THEIRS, ABSENT, OURS)), encoding="utf-8")
    page = tmp_path / "docs" / "performance.md"
    page.parent.mkdir()
    images = page.parent / "images"
    assert document.main([str(file), "--page", str(page), "--images", str(images)]) == 0
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    row = "| async client, unary, concurrency 1 | grpc.aio client, same server"
    assert f"{row} | at least 1.2 | 1.25 | 1.00 to 1.50 | met |" in lines
    assert (
        "| codemod, whole run, cold | its floor | at most 2.0 |  |  | not measured (not in this run) |"
        in lines
    )
    [absent] = [line for line in lines if line.startswith("| grpclib client")]
    assert "absent: No module named 'grpclib'" in absent
    assert "1,234" in text
    # Every row of a table has its columns.
    tables = [line for line in lines if line.startswith(("| grpc", "|  |"))]
    assert len({line.count("|") for line in tables}) == 1
    drawn = sorted(images.glob("*.svg"))
    assert [file.name for file in drawn] == ["performance-targets.svg", "performance-unary-client.svg"]
    for image in drawn:
        assert f"(images/{image.name})" in text
        shown = "".join(ElementTree.parse(image).getroot().itertext())
        assert "1.25" in shown


def test_the_same_figures_make_the_same_files(tmp_path: Path) -> None:
    found = _run(5, THEIRS, OURS)
    verdicts = [verdict(target, found) for target in TARGETS]
    once, again = (document.draw(found, verdicts, tmp_path / name) for name in ("once", "again"))
    assert once.keys() == again.keys() == {"targets", "unary-client"}
    assert all(once[name].read_bytes() == again[name].read_bytes() for name in once)


def test_a_short_run_says_that_it_is_one() -> None:
    found = {rounds: document.page(_run(rounds, THEIRS, OURS), [], {}) for rounds in (1, 5)}
    assert "short run (1 round of" in found[1]
    assert "short run" not in found[5]


def test_a_short_run_judges_nothing() -> None:
    verdicts = [verdict(target, _run(1, THEIRS, OURS)) for target in TARGETS[:2]]
    text = document.page(_run(1, THEIRS, OURS), verdicts, {})
    assert "| 1.25 | 1.00 to 1.50 | too short a run to say |" in text
    assert "| not measured (not in this run) |" in text
    assert "met |" not in text


def test_the_page_in_docs_is_what_the_command_writes() -> None:
    text = (Path(document.__file__).parents[1] / "docs" / "performance.md").read_text(encoding="utf-8")
    assert all(f"| {target.what} | {target.against} |" in text for target in TARGETS)
    images = Path(document.__file__).parents[1] / "docs" / "images"
    linked = {line.rpartition("(images/")[2].rstrip(")") for line in text.splitlines() if "(images/" in line}
    assert linked == {file.name for file in images.glob("performance-*.svg")}
