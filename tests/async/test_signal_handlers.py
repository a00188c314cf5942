"""A signal handler that uses what the code that it interrupts is just making."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import grpc_bridge
from grpc_bridge import _border

from ..conftest import Start, stub_of
from ..protos.exchange_pb2 import Request


@contextmanager
def handled(handler: Callable[[], object]) -> Iterator[None]:
    before = signal.signal(signal.SIGUSR1, lambda *_: handler())
    yield
    signal.signal(signal.SIGUSR1, before)


def interrupted(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGUSR1)
        return function(*arguments)

    return run


async def test_a_channel_is_closed_while_it_is_made(
    bridge_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel: Any = grpc_bridge.insecure_channel(bridge_server())
    monkeypatch.setattr(channel, "_make_transport", interrupted(channel._make_transport))
    with handled(channel.close), pytest.raises(ValueError, match="closed channel"):
        await stub_of(channel).Ask(Request())


def test_a_channel_is_closed_while_it_is_made_for_a_thread(
    bridge_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel: Any = grpc_bridge.insecure_channel(bridge_server())
    monkeypatch.setattr(channel, "_make_sync", interrupted(channel._make_sync))
    with handled(channel.close), pytest.raises(ValueError, match="closed channel"):
        stub_of(channel).Ask(Request())


def test_a_coroutine_is_run_while_the_background_loop_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer() -> int:
        return 42

    answers = []
    monkeypatch.setattr(_border, "_background", None)
    monkeypatch.setattr(_border, "LoopThread", interrupted(_border.LoopThread))
    handlers = iter([lambda: answers.append(grpc_bridge.run(answer()))])
    with handled(lambda: next(handlers, int)()):
        answers.append(grpc_bridge.run(answer()))
    assert answers == [42, 42]
