"""Contenders take turns, and ratios are as documented: taken within a round, shown by median and spread."""

from __future__ import annotations

import json
from collections.abc import Iterable

from bench import report
from bench.measure import CALLS, MICROSECONDS, Absent, Result, Sample, Spread, compare
from bench.scenarios import Case


class Scripted:
    """A contender whose rounds are known beforehand: calls done in one second, CPU of the client."""

    def __init__(
        self,
        name: str,
        counts: Iterable[int],
        against: str | None = None,
        cpu: float = 1.0,
        log: list[str] | None = None,
    ) -> None:
        self.name = name
        self.against = against
        self._counts = iter(counts)
        self._cpu = cpu
        self._log = log if log is not None else []

    def start(self, seconds: float) -> None:
        self._log.append(f"start {self.name}")

    def run(self, seconds: float) -> Sample:
        self._log.append(f"run {self.name}")
        return Sample(next(self._counts), 1.0, {"client": self._cpu})

    def stop(self) -> None:
        self._log.append(f"stop {self.name}")


class NotHere(Scripted):
    def start(self, seconds: float) -> None:
        raise Absent("it is not installed")


def _silent(text: str) -> None:
    pass


def _measured(*contenders: Scripted, rounds: int = 3) -> tuple[Case, list[Result]]:
    case = Case("case", "a case", contenders, ends=("client",))
    return case, compare(contenders, rounds, 0.0, _silent)


def test_contenders_take_turns_in_another_order_each_round() -> None:
    log: list[str] = []
    _measured(*(Scripted(name, [1] * 3, log=log) for name in "ABC"))
    assert [line for line in log if line.startswith("run")] == [f"run {name}" for name in "ABCBCACAB"]
    assert log[:3] == ["start A", "start B", "start C"]
    assert sorted(log[-3:]) == ["stop A", "stop B", "stop C"]


def test_ratios_are_taken_within_a_round() -> None:
    # The machine was ten times as fast in the last round: the medians' ratio would be 30 / 100.
    theirs = Scripted("theirs", [100, 10, 1000])
    ours = Scripted("ours", [200, 30, 2500], against="theirs", cpu=2.0)
    case, results = _measured(theirs, ours)
    found = report.ratios(case, results[1], results)
    assert found["rate"] == Spread(median=2.5, low=2.0, high=3.0)
    assert found["cpu"] == Spread(median=0.8, low=2 / 3, high=1.0)
    assert results[1].spread(CALLS) == Spread(median=200, low=30, high=2500)


def test_a_reference_has_no_ratio() -> None:
    case, results = _measured(Scripted("theirs", [1, 2, 3]))
    assert report.ratios(case, results[0], results) == {}


def test_time_of_one_operation() -> None:
    assert MICROSECONDS.of(Sample(count=4, seconds=0.002)) == 500


def test_who_is_absent_keeps_a_row_with_the_reason() -> None:
    case, results = _measured(Scripted("theirs", [1, 1, 1]), NotHere("ours", [], against="theirs"))
    assert "  ours    absent: it is not installed" in report.table(case, results).splitlines()
    assert report.as_json(case, results)["contenders"][1] == {"name": "ours", "absent": "it is not installed"}
    assert not any(result.failed for result in results)


def test_who_is_compared_with_one_that_is_absent_has_no_ratio() -> None:
    case, results = _measured(NotHere("theirs", []), Scripted("ours", [1, 1, 1], against="theirs"))
    assert "ratios" not in report.as_json(case, results)["contenders"][1]
    assert "ours" in report.table(case, results)


def test_who_breaks_keeps_a_row_and_others_go_on() -> None:
    # Its samples run out in the second round.
    case, results = _measured(Scripted("breaks", [1]), Scripted("goes on", [5, 5, 5]))
    assert [result.failed for result in results] == [True, False]
    assert len(results[1].samples) == 3
    assert "FAILED: StopIteration" in report.table(case, results)
    assert "failed" in report.as_json(case, results)["contenders"][0]


def test_all_samples_are_in_the_json() -> None:
    case, results = _measured(Scripted("theirs", [1, 2, 3]))
    found = json.loads(json.dumps(report.as_json(case, results)))
    assert [sample["count"] for sample in found["contenders"][0]["samples"]] == [1, 2, 3]
    assert found["contenders"][0]["figures"]["rate"] == {"median": 2.0, "low": 1.0, "high": 3.0}
