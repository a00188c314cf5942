"""Each program of the corpus says the same on grpcio, on grpc_bridge in threads, and migrated."""

from __future__ import annotations

import pytest

from ..sync_parity.legs import COROUTINE, GRPCIO, LEGS, THREADS
from ..sync_parity.test_parity import report
from .harness import (
    awaits_under_locks,
    cached_run,
    expected,
    migrated,
    program_names,
    run,
    sources_of,
    untidy,
)

WRONG: dict[str, str] = {}
"""Programs that do not yet run as they did once they are migrated, and why."""


NEEDS_AWAIT = {
    "partly_async": "it calls a stub in a coroutine without a word, which grpcio lets block the loop"
}
"""Programs that cannot run on grpc_bridge before they are migrated, and why."""


def _marks(name: str, leg: str) -> list[pytest.MarkDecorator]:
    marks = [pytest.mark.xdist_group(name)]
    known = {COROUTINE: WRONG}.get(leg, {})
    if name in known:
        marks.append(pytest.mark.xfail(reason=known[name], strict=True))
    return marks


@pytest.mark.parametrize("name", [pytest.param(name, marks=_marks(name, "")) for name in program_names()])
def test_migration(name: str) -> None:
    """What becomes a coroutine and what a person is told are what the program says; once is enough."""
    found = migrated(name)
    assert found.again.changed == {}, "a second run changes something"
    for path, text in found.sources.items():
        compile(text, path, "exec", dont_inherit=True)
        assert awaits_under_locks(text) == [], path
    assert untidy(found.sources) <= untidy(sources_of(name)), "it needs a formatter"
    wanted = expected(name)
    told = "\n".join(f"line {finding.line}: {finding.rule} {finding.message}" for finding in found.told)
    got = (found.coroutines, found.stays, found.cuts)
    assert got == (wanted.coroutines, wanted.stays, wanted.cuts), told


@pytest.mark.parametrize(
    ("name", "leg"),
    [
        pytest.param(name, leg, id=f"{name}-{leg}", marks=_marks(name, leg))
        for name in program_names()
        for leg in LEGS
        if not (leg == THREADS and name in NEEDS_AWAIT)
    ],
)
def test_run(name: str, leg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends, nothing warns, no coroutine blocks its loop, and it says what it says on grpcio."""
    reference = cached_run(name, GRPCIO)
    if leg == COROUTINE:
        monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    found = run(name, leg)
    assert reference.observations, report(name, [reference])
    if found.failure or found.complaints or found.observations != reference.observations:
        text = report(name, [reference, found])
        if leg == COROUTINE:
            text += "\n" + "\n".join(migrated(name).sources.values())
        pytest.fail(text, pytrace=False)
