"""Deadlines of every size, and such as a coroutine hands on."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Servicer, Start, serving_here, stub_of
from ..load import status_of
from ..protos.exchange_pb2 import Reply, Request


class Relay(Servicer):
    """Asks the server behind it, with what time its own caller has left."""

    def __init__(self) -> None:
        self.behind: grpc.Channel | None = None

    async def Ask(self, request: Request, context: grpc.ServicerContext) -> Reply:
        if self.behind is None:
            return Reply(text="asked")
        return await stub_of(self.behind).Ask(request, timeout=context.time_remaining())


async def test_no_deadline_can_be_handed_on() -> None:
    relay = Relay()
    async with serving_here(Relay()) as behind, serving_here(relay) as front:
        relay.behind = grpc_bridge.insecure_channel(behind)
        async with grpc_bridge.insecure_channel(front) as channel:
            reply = await asyncio.wait_for(stub_of(channel).Ask(Request()), 10)
            assert reply.text == "asked"
            within = await stub_of(channel).Ask(Request(), timeout=10)
            assert within.text == "asked"
        await relay.behind.close()


# ---- deadlines of every size -------------------------------------------------------------------------

LATE = (-1e9, -1.0, 0.0, 1e-9, 1e-6, 1e-3, 0.02)
AMPLE = (60.0, 1e6, 1e9, 1e10, 1e300, math.inf, None)

CALLS: dict[str, Callable[[Any, float | None], Any]] = {
    "Ask": lambda stub, timeout: stub.Ask(Request(), timeout=timeout),
    "Watch": lambda stub, timeout: stub.Watch(Request(number=1), timeout=timeout),
    "Collect": lambda stub, timeout: stub.Collect(iter([Request()]), timeout=timeout),
    "Talk": lambda stub, timeout: stub.Talk(iter([Request()]), timeout=timeout),
}


class Never(AsyncEcho):
    """Answers nobody."""

    async def Ask(self, request, context):
        await asyncio.Event().wait()

    async def Watch(self, request, context):
        await asyncio.Event().wait()
        yield Reply()

    async def Collect(self, request_iterator, context):
        await asyncio.Event().wait()

    async def Talk(self, request_iterator, context):
        await asyncio.Event().wait()
        yield Reply()


def ending_in_a_thread(stub: Any, arity: str, timeout: float | None) -> grpc.StatusCode:
    try:
        answer = CALLS[arity](stub, timeout)
        if arity in ("Watch", "Talk"):
            list(answer)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.fixture(params=["grpc.aio", "ours"])
def start(request: pytest.FixtureRequest) -> Start:
    server: Start = request.getfixturevalue("aio_server" if request.param == "grpc.aio" else "bridge_server")
    return server


@pytest.mark.parametrize("arity", CALLS)
@pytest.mark.parametrize(
    ("sizes", "servicer", "code"),
    [(LATE, Never, grpc.StatusCode.DEADLINE_EXCEEDED), (AMPLE, AsyncEcho, grpc.StatusCode.OK)],
    ids=["late", "ample"],
)
async def test_every_size(
    arity: str, sizes: Any, servicer: type, code: grpc.StatusCode, start: Start
) -> None:
    async with grpc_bridge.insecure_channel(start(servicer())) as channel:
        stub = stub_of(channel)
        for timeout in sizes:
            call = CALLS[arity](stub, timeout)
            assert await asyncio.wait_for(status_of(call), PATIENCE) == code, timeout
            ending = asyncio.to_thread(ending_in_a_thread, stub, arity, timeout)
            assert await asyncio.wait_for(ending, PATIENCE) == code, timeout


async def test_a_thousand_deadlines_at_once(start: Start) -> None:
    """Of all sizes up to a tenth of a second, on one connection."""
    async with grpc_bridge.insecure_channel(start(Never())) as channel:
        stub = stub_of(channel)
        calls = [CALLS[arity](stub, number / 2500) for number in range(250) for arity in CALLS]
        codes = await asyncio.wait_for(asyncio.gather(*map(status_of, calls)), PATIENCE)
    assert set(codes) == {grpc.StatusCode.DEADLINE_EXCEEDED}
