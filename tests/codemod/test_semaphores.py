"""A semaphore that one function acquires and another releases is a signal to wait for, not a lock held."""

from __future__ import annotations

import pytest

from .tool import rewritten, rules, run, unchanged

SIGNAL = """
import threading

import grpc

import greet_pb2_grpc

started = threading.{kind}(0)


def served():
    started.release()


def main(target):
    with grpc.insecure_channel(target) as channel:
        stub = greet_pb2_grpc.GreeterStub(channel)
        {acquire}
        return stub.Hi(1)
"""

MIGRATED = (
    SIGNAL.replace("import grpc", "import asyncio\nimport grpc_bridge as grpc", 1)
    .replace("def main", "async def main")
    .replace("with grpc", "async with grpc")
    .replace("return stub", "return await stub")
)


@pytest.mark.parametrize("kind", ["Semaphore", "BoundedSemaphore"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("started.acquire()", "await asyncio.to_thread(started.acquire)"),
        ("started.acquire(timeout=10)", "await asyncio.to_thread(started.acquire, timeout=10)"),
        ("assert started.acquire(True, 10)", "assert await asyncio.to_thread(started.acquire, True, 10)"),
    ],
)
def test_a_semaphore_that_is_a_signal(kind: str, before: str, after: str) -> None:
    source = SIGNAL.format(kind=kind, acquire=before)
    result, got = run(source)
    assert "\n".join(sorted(got["app.py"].split("\n"))) == "\n".join(
        sorted(MIGRATED.format(kind=kind, acquire=after).lstrip("\n").split("\n"))
    )
    assert rules(result) == ["GB402", "GB404"]


@pytest.mark.parametrize("acquire", ["started.acquire(False)", "started.acquire(blocking=False)"])
def test_a_semaphore_that_is_only_tried(acquire: str) -> None:
    source = SIGNAL.format(kind="Semaphore", acquire=acquire)
    after = MIGRATED.replace("import asyncio\n", "").format(kind="Semaphore", acquire=acquire)
    assert rewritten(source, after) == ["GB404"]


@pytest.mark.parametrize(
    "acquire",
    [
        "started.acquire(); stub.Hi(2); started.release()",
        "held = threading.Lock(); held.acquire()",
    ],
)
def test_what_is_held_while_waiting(acquire: str) -> None:
    assert unchanged(SIGNAL.format(kind="Semaphore", acquire=acquire)) == ["GB704"]


def test_a_helper_that_waits_for_the_signal() -> None:
    source = SIGNAL.format(kind="Semaphore", acquire="wait()") + (
        "\n\ndef wait():\n    started.acquire(timeout=10)\n"
    )
    _, got = run(source)
    assert "        await wait()\n" in got["app.py"]
    assert "async def wait():\n    await asyncio.to_thread(started.acquire, timeout=10)\n" in got["app.py"]


def test_sync_code_waits_as_it_did() -> None:
    source = "import threading\nimport grpc\n\nsignal = threading.Semaphore(0)\n\n\n"
    assert unchanged(source + "def main():\n    signal.acquire()\n") == []
