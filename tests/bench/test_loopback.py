"""The facade runs on a transport that is not C-core, without a patch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bench.layers import Client, Server
from bench.loopback_build import loopback
from bench.messages import STREAMED


@pytest.fixture(scope="module")
def module() -> Any:
    return loopback()


@pytest.fixture
async def server(module: Any) -> AsyncIterator[Server]:
    made = Server(module)
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_client_calls_are_answered(module: Any, concurrency: int) -> None:
    client = Client(module)
    assert await client.unary(concurrency) >= concurrency
    assert await client.receive(concurrency) == STREAMED * concurrency
    assert await client.send(concurrency) == STREAMED * concurrency
    assert await client.exchange(concurrency) == STREAMED * concurrency


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_server_calls_are_handled(server: Server, concurrency: int) -> None:
    assert await server.unary(concurrency) >= concurrency
    assert await server.receive(concurrency) == STREAMED * concurrency
    assert await server.send(concurrency) == STREAMED * concurrency
    assert await server.exchange(concurrency) == STREAMED * concurrency


async def test_a_call_that_ends_badly_is_no_measurement(server: Server) -> None:
    with pytest.raises(RuntimeError, match="status 12"):
        await server.drive("NoSuchMethod", 1, 1, 1)
