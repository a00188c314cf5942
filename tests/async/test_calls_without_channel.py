"""grpc_bridge.experimental: calls that name a target share pooled channels, from threads and coroutines."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.experimental
import pytest

from grpc_bridge import experimental
from grpc_bridge._pool import ChannelPool

from ..conftest import Start, in_plain_thread, stub_of, until
from ..protos.exchange_pb2 import Reply, Request
from .test_loops_and_threads import connections

ASK = "/grpc_bridge.testing.Exchange/Ask"


@pytest.fixture(autouse=True)
def _experimental_is_known() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", grpc.experimental.ExperimentalApiWarning)
        yield


def ask(target: str, **arguments: Any) -> Any:
    return experimental.unary_unary(
        Request(text="a"),
        target,
        ASK,
        Request.SerializeToString,
        Reply.FromString,
        insecure=True,
        **arguments,
    )


async def test_both_colours_share_one_connection(bridge_server: Start) -> None:
    target = bridge_server()
    for _ in range(3):
        assert (await ask(target)).text == "A"
        assert in_plain_thread(ask, target).text == "A"
    assert connections(target) == 1


async def test_options_tell_channels_apart(bridge_server: Start) -> None:
    target = bridge_server()
    assert (await ask(target)).text == "A"
    assert (await ask(target, options=[("test.of", "another")])).text == "A"
    assert connections(target) == 2


async def test_credentials_for_an_insecure_channel_are_refused_at_the_call() -> None:
    with pytest.raises(ValueError, match="mutually exclusive"):
        ask("127.0.0.1:1", channel_credentials=grpc.ssl_channel_credentials())


async def test_without_credentials_the_channel_speaks_tls(bridge_server: Start) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        await experimental.unary_unary(b"", bridge_server(), ASK, timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_use_warns_that_the_api_is_experimental(bridge_server: Start, monkeypatch: Any) -> None:
    monkeypatch.setattr(grpc.experimental, "_EXPERIMENTAL_APIS_USED", set())
    target = bridge_server()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            await experimental.unary_unary(b"", target, ASK, insecure=True)
    [warning] = caught
    assert warning.category is grpc.experimental.ExperimentalApiWarning
    assert warning.filename == __file__


# ---- the pool --------------------------------------------------------------------------------------------


async def test_an_idle_channel_is_dropped_and_its_connection_with_it(bridge_server: Start) -> None:
    target = bridge_server()
    pool = ChannelPool(idle_seconds=0.05, maximum=8)
    assert (await stub_of(pool.channel(target, None)).Ask(Request(text="a"))).text == "A"
    await until(lambda: not len(pool))
    gc.collect()
    await until(lambda: connections(target) == 0)


async def test_a_call_in_flight_outlives_its_channel_s_place_in_the_pool(bridge_server: Start) -> None:
    pool = ChannelPool(idle_seconds=0.0, maximum=8)
    call = stub_of(pool.channel(bridge_server(), None)).Talk()
    await until(lambda: not len(pool))
    gc.collect()
    await call.write(Request(number=2))
    assert (await call.read()).number == 4
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


def test_a_pool_is_bounded() -> None:
    pool = ChannelPool(idle_seconds=60, maximum=2)
    first = pool.channel("127.0.0.1:1", None)
    second = pool.channel("127.0.0.1:2", None)
    assert pool.channel("127.0.0.1:1", None) is first
    pool.channel("127.0.0.1:3", None)
    assert len(pool) == 2
    assert pool.channel("127.0.0.1:1", None) is first
    assert pool.channel("127.0.0.1:2", None) is not second
    pool.close()


async def test_a_closed_pool_ends_its_channels(bridge_server: Start) -> None:
    target = bridge_server()
    pool = ChannelPool(idle_seconds=60, maximum=2)
    stub = stub_of(pool.channel(target, None))
    assert (await stub.Ask(Request(text="a"))).text == "A"
    pool.close()
    assert len(pool) == 0
    with pytest.raises(ValueError, match="closed channel"):
        await stub.Ask(Request(text="a"))
