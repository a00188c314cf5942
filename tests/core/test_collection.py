"""What is left to the cyclic collector, and what it must not touch."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, Servicer, Start, serving_here, stub_of, wait_in_thread
from ..protos.exchange_pb2 import Reply, Request


@pytest.fixture
def no_collector() -> Any:
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


async def _requests() -> AsyncIterator[Request]:
    yield Request(number=1)
    yield Request(number=2)


async def _use(stub: Any, arity: str) -> None:
    if arity == "Ask":
        await stub.Ask(Request())
    elif arity == "Watch":
        assert len([reply async for reply in stub.Watch(Request(number=5))]) == 5
    elif arity == "Collect":
        await stub.Collect(_requests())
    else:
        assert len([reply async for reply in stub.Talk([Request(), Request()])]) == 2


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("arity", ["Ask", "Watch", "Collect", "Talk"])
async def test_a_finished_call_leaves_the_collector_nothing(arity: str) -> None:
    async with serving_here(AsyncEcho()) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        await _use(stub, arity)
        await asyncio.sleep(0)
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        for _ in range(20):
            await _use(stub, arity)
        # The server has its last word, which the client does not wait for.
        for _ in range(100):
            await asyncio.sleep(0.001)
        gc.collect()
        ours = [type(left).__name__ for left in gc.garbage if type(left).__module__.startswith("grpc_bridge")]
        assert ours == []


class _Node:
    """Something of a user's that holds its channel and is held by it."""


def test_channels_collected_in_cycles(grpcio_server: Start) -> None:
    target = grpcio_server(Echo())

    async def main() -> None:
        for number in range(100):
            node: Any = _Node()
            node.channel = grpc_bridge.insecure_channel(target, options=(("grpc_bridge.test", number % 7),))
            node.channel.node = node
            node.stub = stub_of(node.channel)
            if number % 2:
                await node.stub.Ask(Request())
            del node
            if number % 10 == 0:
                gc.collect()

    asyncio.run(main())
    gc.collect()


class Patient(Servicer):
    """Ends while those who want to hear of the call's end are still being told."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.told = threading.Event()

    def Ask(self, request, context):
        ended = threading.Event()
        forgotten = weakref.ref(context)

        def wait_for_the_handlers_end() -> None:
            ended.set()
            for _ in range(10_000):
                if forgotten() is None:
                    self.told.set()
                    return
                time.sleep(0.001)

        context.add_callback(wait_for_the_handlers_end)
        self.entered.set()
        ended.wait(PATIENCE)
        return Reply()


async def test_a_call_whose_handler_ends_while_its_end_is_told(bridge_server: Start) -> None:
    servicer = Patient()
    async with grpc_bridge.insecure_channel(bridge_server(servicer)) as channel:
        stub = stub_of(channel)
        for _ in range(20):
            servicer.entered.clear()
            servicer.told.clear()
            call = stub.Ask.future(Request())
            await wait_in_thread(servicer.entered)
            call.cancel()
            await wait_in_thread(servicer.told)
