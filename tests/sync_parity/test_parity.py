"""Every scenario says the same on grpcio, on grpc_bridge in threads, and migrated, in a coroutine."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from .differences import BUGS, DIFFERENCES, Difference
from .legs import GRPCIO, LEGS, ROOT, Run, cached_run, run, scenario_names
from .record import Observation
from .view import side_by_side


def _marks(name: str, leg: str) -> list[pytest.MarkDecorator]:
    marks = [pytest.mark.xdist_group(name)]
    if (name, leg) in BUGS:
        marks.append(pytest.mark.xfail(reason=BUGS[name, leg], strict=True))
    return marks


_CASES = [
    pytest.param(name, leg, id=f"{name}-{leg}", marks=_marks(name, leg))
    for name in scenario_names()
    for leg in LEGS
]


@pytest.mark.parametrize(("name", "leg"), _CASES)
def test_parity(name: str, leg: str) -> None:
    """One leg: it ends, nothing warns, and it says what grpcio says (grpcio itself: the same each time)."""
    # A run of its own each time, so that repeating the test repeats the run.
    reference, found = cached_run(name, GRPCIO), run(name, leg)
    assert reference.observations, report(name, [reference])
    expected = _with_differences(reference.observations, _accepted(name, leg))
    if found.failure or found.complaints or found.observations != expected:
        others = [cached_run(name, each) for each in LEGS if each not in (GRPCIO, leg)]
        shown = [reference, found, *([] if leg == GRPCIO else others)]
        shown.sort(key=lambda each: LEGS.index(each.leg))
        pytest.fail(report(name, shown), pytrace=False)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda d: f"{d.number}-{d.scenario}-{d.leg}")
def test_accepted_difference_is_explained_and_still_there(difference: Difference) -> None:
    page = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    assert re.search(rf"^(?:#+ )?{difference.number}\. ", page, re.MULTILINE), "not in docs/differences.md"
    reference = cached_run(difference.scenario, GRPCIO)
    values = [o.value for o in reference.observations if o.name == difference.observation]
    assert values, "the scenario records no such observation"
    assert difference.value not in values, "grpcio says the same: no difference"


def _accepted(name: str, leg: str) -> dict[str, str]:
    return {d.observation: d.value for d in DIFFERENCES if (d.scenario, d.leg) == (name, leg)}


def _with_differences(
    observations: Sequence[Observation], accepted: dict[str, str]
) -> tuple[Observation, ...]:
    return tuple(Observation(o.name, accepted.get(o.name, o.value)) for o in observations)


def report(name: str, runs: Sequence[Run]) -> str:
    parts = [f"scenario {name}"]
    for each in runs:
        if each.failure:
            parts.append(f"-- {each.leg} failed:\n{each.failure.rstrip()}")
        parts.extend(f"-- {each.leg} complained: {text.rstrip()}" for text in each.complaints)
    columns = {each.leg: each.observations for each in runs}
    if len(columns) < len(runs):
        columns = {f"{each.leg} ({turn})": each.observations for turn, each in enumerate(runs, start=1)}
    parts.append(side_by_side(columns))
    return "\n".join(parts)
