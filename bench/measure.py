"""How contenders are compared: short rounds in turn, medians, and ratios taken within a round.

A machine's speed drifts while a bench runs. So contenders alternate (A B C, B C A, C A B, …), and a ratio is
taken between two samples of one round, never between two medians.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Absent(Exception):
    """A contender that cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Sample:
    """What one contender did in one round."""

    count: int
    """How many operations (calls, messages, streams) were finished."""
    seconds: float
    cpu: Mapping[str, float] = field(default_factory=dict)
    """CPU seconds used meanwhile, by end: `client`, `server`."""
    extra: Mapping[str, float] = field(default_factory=dict)
    """What else was counted, by the name of the figure that shows it."""

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    def cpu_per_operation(self, *ends: str) -> float:
        return sum(self.cpu[end] for end in ends) / self.count


@dataclass(frozen=True)
class Figure:
    """A number that is read off a sample: a column of a table."""

    name: str
    unit: str
    of: Callable[[Sample], float]
    digits: int = 0
    less_is_better: bool = False

    def text(self, value: float) -> str:
        return f"{value:,.{self.digits}f}"


CALLS = Figure("rate", "calls/s", lambda sample: sample.rate)
MESSAGES = Figure("rate", "messages/s", lambda sample: sample.rate)
MILLISECONDS = Figure("time", "ms", lambda sample: sample.seconds / sample.count * 1e3, 1, True)
MICROSECONDS = Figure("time", "us", lambda sample: sample.seconds / sample.count * 1e6, 2, True)


class Contender(Protocol):
    """One of those compared."""

    @property
    def name(self) -> str: ...

    @property
    def against(self) -> str | None:
        """The contender that this one's ratio is taken to; None for a reference."""

    def start(self, seconds: float) -> None:
        """Be ready, and warm, for samples of about this length. Raises Absent."""

    def run(self, seconds: float) -> Sample:
        """Work for about the given time, or for as long as the work takes where it cannot be cut short."""

    def stop(self) -> None: ...


@dataclass(frozen=True)
class Spread:
    """A median and how far the rounds lay from it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])


@dataclass
class Result:
    """One contender's rounds in one case; `problem` in place of samples where there are none."""

    name: str
    against: str | None
    samples: list[Sample] = field(default_factory=list)
    problem: str | None = None
    failed: bool = False
    """True where the contender was there and broke, False where it is absent."""

    def spread(self, figure: Figure) -> Spread:
        return Spread.of(figure.of(sample) for sample in self.samples)

    def cpu(self, end: str) -> Spread:
        return Spread.of(sample.cpu_per_operation(end) for sample in self.samples)


def compare(
    contenders: Sequence[Contender],
    rounds: int,
    seconds: float,
    progress: Callable[[str], None],
) -> list[Result]:
    """Start all, run them in turn, stop all. What is absent or breaks says so in its result."""
    results = {c.name: Result(c.name, c.against) for c in contenders}
    running: list[Contender] = []
    try:
        for contender in contenders:
            result = results[contender.name]
            progress(f"starting  {contender.name}")
            try:
                contender.start(seconds)
            except Absent as reason:
                result.problem = str(reason)
                contender.stop()
            except Exception as error:
                _broke(result, error)
                contender.stop()
            else:
                running.append(contender)
        for turn in range(rounds):
            for contender in _rotated(running, turn):
                result = results[contender.name]
                if result.failed:
                    continue
                progress(f"round {turn + 1}/{rounds}  {contender.name}")
                try:
                    result.samples.append(contender.run(seconds))
                except Exception as error:
                    _broke(result, error)
    finally:
        for contender in running:
            contender.stop()
    return list(results.values())


def ratio(result: Result, reference: Result, value: Callable[[Sample], float]) -> Spread | None:
    """How `value` compares with the reference's, round by round; None where either has no samples."""
    pairs = zip(result.samples, reference.samples, strict=False)
    ratios = [value(ours) / value(theirs) for ours, theirs in pairs if value(theirs)]
    return Spread.of(ratios) if ratios else None


def _broke(result: Result, error: Exception) -> None:
    result.samples.clear()
    result.problem = f"{type(error).__name__}: {error}"
    result.failed = True


def _rotated(contenders: Sequence[Contender], turn: int) -> list[Contender]:
    start = turn % len(contenders) if contenders else 0
    return [*contenders[start:], *contenders[:start]]
