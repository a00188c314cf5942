"""Every member of grpcio's synchronous API has a scenario, and every scenario uses what it says it covers.

A scenario names the members that it is about in a constant, `COVERS`, without their `grpc.`. That it reaches
them is not taken on trust: it is run on grpcio and watched (observe.py). The members are those of
grpc_bridge/_surface.py, the one table.
"""

from __future__ import annotations

import ast
import functools

import pytest

from grpc_bridge._surface import SURFACE

from .legs import SCENARIOS, scenario_names
from .observe import observe

_MEMBERS = {row.qualified for row in SURFACE}
# What `stop` returns is a plain threading.Event on grpcio, which scenarios use for much else.
_NOT_WATCHED = {"grpc.StopEvent.wait", "grpc.StopEvent.is_set"}


@functools.cache
def covered(name: str) -> tuple[str, ...]:
    """The members that the scenario declares, in full."""
    tree = ast.parse((SCENARIOS / f"{name}.py").read_text(encoding="utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "COVERS":
            return tuple(f"grpc.{member}" for member in ast.literal_eval(statement.value))
    return ()


def test_every_member_has_a_scenario() -> None:
    with_scenario = {member for name in scenario_names() for member in covered(name)}
    assert not _MEMBERS - with_scenario, sorted(_MEMBERS - with_scenario)


@pytest.mark.parametrize("name", [name for name in scenario_names() if covered(name)])
def test_scenario_uses_what_it_covers(name: str) -> None:
    declared = set(covered(name))
    assert len(declared) == len(covered(name)), "a member is declared twice"
    assert declared <= _MEMBERS, f"grpcio has no {sorted(declared - _MEMBERS)}"
    run, used = observe(name)
    assert not run.failure, run.failure
    assert declared - _NOT_WATCHED <= used, f"declared and never used: {sorted(declared - used)}"
