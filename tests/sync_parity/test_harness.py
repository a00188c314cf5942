"""The harness itself: what it calls equal, what it calls a failure, and that nothing hangs it."""

from __future__ import annotations

import textwrap

import grpc
import pytest

from ..conftest import PATIENCE
from .legs import COROUTINE, GRPCIO, THREADS, execute, translate
from .record import Observation, Recorder, render
from .view import side_by_side

_EQUAL = {
    "port": ("127.0.0.1:40001 is down", "127.0.0.1:50002 is down"),
    "port in an error": (ValueError("at localhost:1"), ValueError("at localhost:2")),
    "identity": (object(), object()),
}


@pytest.mark.parametrize(("left", "right"), _EQUAL.values(), ids=_EQUAL)
def test_what_differs_between_two_runs_is_left_out(left: object, right: object) -> None:
    assert render(left) == render(right)


_DIFFERENT = {
    "tuple and list": ((), []),
    "text and number": ("1", 1),
    "bytes and text": (b"a", "a"),
    "what an error says": (ValueError("a"), ValueError("b")),
    "error types": (ValueError("a"), TypeError("a")),
    "codes": (grpc.StatusCode.OK, grpc.StatusCode.CANCELLED),
    "code and number": (grpc.StatusCode.OK, 0),
}


@pytest.mark.parametrize(("left", "right"), _DIFFERENT.values(), ids=_DIFFERENT)
def test_what_a_user_could_tell_apart_is_kept(left: object, right: object) -> None:
    assert render(left) != render(right)


def test_private_exception_is_shown_by_its_public_bases() -> None:
    class _Hidden(grpc.RpcError, grpc.Call):
        pass

    assert render(_Hidden) == "RpcError+Call"
    assert render(grpc.FutureTimeoutError("late")) == "FutureTimeoutError('late')"


def test_record_keeps_the_order_and_the_value_of_the_moment() -> None:
    record, value = Recorder(), [1]
    record("first", value)
    value.append(2)
    record("second", value)
    assert record.observations() == (Observation("first", "[1]"), Observation("second", "[1, 2]"))


def test_view_marks_the_rows_that_differ() -> None:
    same = [Observation(f"step {number}", "done") for number in range(20)]
    table = side_by_side(
        {"a": [*same, Observation("end", "1")], "b": [*same, Observation("end", "2")], "c": same}
    )
    marked = [line for line in table.splitlines() if line.startswith(">")]
    assert len(marked) == 1
    assert marked[0].split() == [">", "end:", "1", "|", "end:", "2", "|", "-"]
    assert "step 2:" not in table
    assert "..." in table


def _run(source: str, leg: str = GRPCIO, timeout: float = 15.0) -> tuple[str, str]:
    outcome = execute(textwrap.dedent(source), "harness", leg, timeout)
    return outcome.failure or "", "\n".join(outcome.complaints)


def _hung(source: str, where: str, leg: str = GRPCIO) -> str:
    """The complaints of a run that comes to a function and hangs there."""
    timeout, failure = 0.3, ""
    while f"in {where}" not in failure and timeout < 2 * PATIENCE:
        failure, complaints = _run(source, leg, timeout)
        assert f"still running after {timeout:g} s" in failure
        timeout *= 2  # on a slow machine it may not have come so far
    assert f"in {where}" in failure
    return complaints


def test_a_hang_ends_and_shows_where() -> None:
    _hung(
        """
        import threading

        def waits_for_ever():
            threading.Event().wait(5)

        def main(record):
            waits_for_ever()
        """,
        "waits_for_ever",
    )


def test_a_coroutine_that_hangs_is_shown_and_cancelled() -> None:
    complaints = _hung(
        """
        import asyncio

        async def awaits_for_ever():
            await asyncio.get_running_loop().create_future()

        async def main(record):
            await awaits_for_ever()
        """,
        "awaits_for_ever",
        COROUTINE,
    )
    assert complaints == ""


def test_a_main_that_was_not_migrated_is_a_failure() -> None:
    failure, _ = _run("def main(record):\n    pass\n", COROUTINE)
    assert "left `def main` as it was" in failure


def test_an_exception_is_a_failure_with_its_line() -> None:
    failure, _ = _run("def main(record):\n    raise LookupError('what')\n")
    assert "build/sync_parity/grpcio/harness.py" in failure.replace("\\", "/")
    assert "LookupError: what" in failure


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("import warnings; warnings.warn('careful')", "UserWarning: careful"),
        ("import threading; t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()", "ZeroDivision"),
        ("import logging; logging.getLogger('asyncio').error('lost a task')", "lost a task"),
        ("type('Late', (), {'__del__': lambda self: 1 / 0})()", "ZeroDivisionError"),
    ],
    ids=["warning", "thread", "asyncio", "unraisable"],
)
def test_what_nobody_would_see_is_a_complaint(body: str, complaint: str) -> None:
    failure, complaints = _run(f"def main(record):\n    {body}\n")
    assert failure == ""
    assert complaint in complaints


def test_threads_leg_is_the_source_with_its_import_replaced() -> None:
    assert translate("import os\nimport grpc\n", "x", THREADS) == "import os\nimport grpc_bridge as grpc\n"
    with pytest.raises(ValueError, match="import grpc"):
        translate("import grpc as g\n", "x", THREADS)
