"""Every member of grpcio's synchronous API has a scenario, and every scenario uses what it says it covers.

A scenario names the members that it is about in a constant, `COVERS`, without their `grpc.`. That it reaches
them is not taken on trust: it is run on grpcio and watched (observe.py). The members are those of
grpc_bridge/_surface.py, the one table.
"""

from __future__ import annotations

import ast
import functools
import textwrap

import pytest

from grpc_bridge._surface import SURFACE

from .legs import SCENARIOS, scenario_names
from .observe import observe, observe_source

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


def _used(source: str) -> set[str]:
    run, used = observe_source(textwrap.dedent(source), "ledger")
    assert not run.failure, run.failure
    return set(used)


def test_a_name_that_is_never_reached_does_not_count() -> None:
    assert (
        _used(
            """
            import grpc

            def never(channel):
                channel.subscribe(grpc.Status)

            def main(record):
                record("subscribe", "grpc.Channel.subscribe")
            """
        )
        == set()
    )


def test_what_a_program_does_with_its_own_objects_does_not_count() -> None:
    used = _used(
        """
        import grpc

        class Handler(grpc.GenericRpcHandler):
            def service(self, handler_call_details):
                return None

        def main(record):
            record("its own", Handler().service(None))
        """
    )
    assert used == {"grpc.GenericRpcHandler"}


def test_what_either_side_does_with_the_other_s_objects_counts() -> None:
    used = _used(
        """
        from concurrent import futures

        import grpc

        class Handler(grpc.GenericRpcHandler):
            def service(self, handler_call_details):
                return None

        def main(record):
            server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), handlers=(Handler(),))
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                record("error", channel.unary_unary("/a/b").future(b"").exception().code())
            server.stop(None).wait()
        """
    )
    assert used >= {
        "grpc.GenericRpcHandler.service",
        "grpc.Channel.__enter__",
        "grpc.Channel.__exit__",
        "grpc.Channel.unary_unary",
        "grpc.UnaryUnaryMultiCallable.future",
        "grpc.Future.exception",
        "grpc.Call.code",
    }
