"""The poller of a channel stays in its queue for a while after a call: what may then happen to it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, LoopInThread, Start, stub_of
from ..protos.exchange_pb2 import Request


def named(name: str, among: set[threading.Thread] | None = None) -> list[threading.Thread]:
    """Our threads of that name, without those that were there before."""
    return [each for each in threading.enumerate() if each.name == name and each not in (among or ())]


def switches(thread: threading.Thread) -> int:
    """How often a thread gave the processor away."""
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def wait_until_still(poller: threading.Thread) -> None:
    """Until it does nothing for half a second; in its queue it would stir twice in that time."""
    limit = time.monotonic() + PATIENCE
    seen = -1
    while (now := switches(poller)) != seen:
        assert time.monotonic() < limit, "it goes on stirring"
        seen = now
        poller.join(0.5)
        assert poller.is_alive()


async def ask(stub: Any) -> None:
    assert (await stub.Ask(Request(text="again"))).text == "AGAIN"


@pytest.fixture
def before() -> set[threading.Thread]:
    return set(threading.enumerate())


def test_a_poller_sleeps_when_nothing_came_for_a_while(
    grpcio_server: Start, loop_in_thread: Callable[..., LoopInThread], before: set[threading.Thread]
) -> None:
    loop = loop_in_thread()
    with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        stub = stub_of(channel)
        for _ in range(2):
            loop.run(ask(stub))
            (poller,) = named("grpc_bridge poller", before)
            wait_until_still(poller)
    poller.join(PATIENCE)
    assert not poller.is_alive()


@pytest.mark.parametrize("end", ["closed on its loop", "closed in a thread", "dropped"])
def test_a_channel_ends_while_its_poller_lingers(
    grpcio_server: Start,
    loop_in_thread: Callable[..., LoopInThread],
    before: set[threading.Thread],
    end: str,
) -> None:
    target, loop = grpcio_server(), loop_in_thread()

    async def use_and_end() -> None:
        channel = grpc_bridge.insecure_channel(target)
        await ask(stub_of(channel))
        if end == "closed on its loop":
            await channel.close()
        elif end == "closed in a thread":
            await asyncio.to_thread(channel.close)

    for _ in range(20):
        loop.run(use_and_end())
        gc.collect()
    for poller in named("grpc_bridge poller", before):
        poller.join(PATIENCE)
        assert not poller.is_alive()


@pytest.mark.parametrize("calls", [1, 20])
def test_a_channel_that_can_never_connect(
    loop_in_thread: Callable[..., LoopInThread], before: set[threading.Thread], calls: int
) -> None:
    # Calls on it are over before they are sent: so is the one that a poller keeps.
    credentials = grpc.ssl_channel_credentials(root_certificates=b"no certificate")

    async def use() -> None:
        async with grpc_bridge.secure_channel("127.0.0.1:1", credentials) as channel:
            stub = stub_of(channel)
            for _ in range(3):
                outcomes = await asyncio.gather(
                    *(stub.Ask(Request()) for _ in range(calls)), return_exceptions=True
                )
                assert all(isinstance(each, grpc.RpcError) for each in outcomes)

    loop_in_thread().run(use())
    for poller in named("grpc_bridge poller", before):
        poller.join(PATIENCE)
        assert not poller.is_alive()


async def test_a_connection_that_is_not_used_is_let_go(grpcio_server: Start) -> None:
    # What the poller keeps to be woken by does not count as use.
    options = [("grpc.client_idle_timeout_ms", 1000)]
    async with grpc_bridge.insecure_channel(grpcio_server(), options) as channel:
        await ask(stub_of(channel))
        while (state := channel.get_state()) is not grpc.ChannelConnectivity.IDLE:
            await asyncio.wait_for(channel.wait_for_state_change(state), PATIENCE)
        await ask(stub_of(channel))
