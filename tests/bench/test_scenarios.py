"""Every scenario runs, at its shortest; its cases are told apart and compare with who is there."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from bench.__main__ import main, parser
from bench.measure import Contender, compare
from bench.scenarios import SCENARIOS
from bench.scenarios.base import Case
from bench.targets import TARGETS

SHORTEST = ["--rounds", "1", "--seconds", "0.01", "--streams", "20", "--lines", "2000"]


NEEDS_A_TOOL = ("h2load", "shares")
# So short a run may use no new memory, and be sampled once.
MAY_BE_NOTHING = ("memory", "c-core", "kernel", "python", "ours", "libc")


@pytest.fixture(scope="module")
def options() -> argparse.Namespace:
    return parser().parse_args(SHORTEST)


def _ours_and_its_reference(case: Case) -> list[Contender]:
    ours = next(c for c in case.contenders if "grpc_bridge" in c.name)
    return [c for c in case.contenders if c.name in (ours.name, ours.against)]


def _silent(text: str) -> None:
    pass


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_runs(name: str, options: argparse.Namespace) -> None:
    case = SCENARIOS[name].cases(options)[-1]
    contenders = case.contenders
    if name not in ("codemod", "layers"):
        # What the others do is tested in test_peers, once for each.
        contenders = _ours_and_its_reference(case)
    results = compare(contenders, options.rounds, options.seconds, _silent)
    assert {result.name: result.problem for result in results if result.failed} == {}
    measured = [result for result in results if result.samples]
    assert measured or name in NEEDS_A_TOOL
    for result in measured:
        assert len(result.samples) == 1
        least = [result.spread(figure).median for figure in case.figures if figure.name not in MAY_BE_NOTHING]
        assert all(median > 0 for median in least)
        for end in case.ends:
            assert result.cpu(end).median >= 0


def test_cases_are_told_apart(options: argparse.Namespace) -> None:
    cases = [case for scenario in SCENARIOS.values() for case in scenario.cases(options)]
    keys = [case.key for case in cases]
    assert sorted(set(keys)) == sorted(keys)
    for case in cases:
        names = [contender.name for contender in case.contenders]
        assert sorted(set(names)) == sorted(names)
        assert {c.against for c in case.contenders if c.against} <= set(names), case.key
    for target in TARGETS:
        case = next(case for case in cases if case.key == target.case)
        assert target.contender in [contender.name for contender in case.contenders]
        assert target.figure in ["cpu", *(figure.name for figure in case.figures)]


def test_the_command_writes_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / "bench.json"
    assert main([*SHORTEST, "--only", "import", "--json", str(file)]) == 0
    shown = capsys.readouterr().out
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["settings"]["rounds"] == 1
    assert found["environment"]["packages"]["grpcio"]
    [scenario] = found["scenarios"]
    assert scenario["scenario"] == "import"
    for contender in scenario["cases"][0]["contenders"]:
        assert contender["name"] in shown


def test_the_command_refuses_what_makes_no_sense(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--rounds", "0"])
    assert ended.value.code == 2
    assert "must be more than 0" in capsys.readouterr().err
