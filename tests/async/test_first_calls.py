"""The first calls of a channel, made by many at once: what is made on first use is made once, and whole."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, Start, stub_of
from ..protos.exchange_pb2 import Request

ROUNDS = 20
EACH = 8


class Passing(grpc.UnaryUnaryClientInterceptor):
    def intercept_unary_unary(self, continuation, details, request):
        return continuation(details, request)


@pytest.fixture(autouse=True)
def threads_take_turns_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def ask_in_thread(stub: Any) -> int:
    return int(stub.Ask(Request(number=1)).number)


def ask_on_loop(stub: Any) -> int:
    async def ask() -> int:
        return int((await stub.Ask(Request(number=1))).number)

    return asyncio.run(ask())


def at_once(works: list[Callable[[], object]]) -> list[object]:
    """What each of them returns, or the exception that it raises."""
    gate = threading.Barrier(len(works))
    outcomes: list[object] = []

    def begin(work: Callable[[], object]) -> None:
        gate.wait(PATIENCE)
        try:
            outcomes.append(work())
        except BaseException as error:
            outcomes.append(error)

    threads = [threading.Thread(target=begin, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return outcomes


def intercepted(channel: Any) -> Any:
    return grpc_bridge.intercept_channel(channel, Passing())


@pytest.mark.parametrize("wrap", [lambda channel: channel, intercepted], ids=["plain", "intercepted"])
def test_all_are_answered(wrap: Callable[[Any], Any], bridge_server: Start) -> None:
    target = bridge_server()
    for _ in range(ROUNDS):
        with grpc_bridge.insecure_channel(target) as channel:
            stub = stub_of(wrap(channel))
            works = [partial(ask_in_thread, stub), partial(ask_on_loop, stub)] * EACH
            assert at_once(works) == [1] * len(works)


@pytest.mark.parametrize("ask", [ask_in_thread, ask_on_loop])
def test_the_channel_is_closed_meanwhile(ask: Callable[[Any], int], bridge_server: Start) -> None:
    target = bridge_server()
    for _ in range(ROUNDS):
        channel = grpc_bridge.insecure_channel(target)
        stub = stub_of(channel)
        for outcome in at_once([partial(ask, stub)] * EACH + [channel.close]):
            refused = isinstance(outcome, (grpc.RpcError, ValueError, asyncio.CancelledError))
            assert refused or outcome in (1, None), outcome
