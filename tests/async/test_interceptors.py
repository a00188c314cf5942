"""Interceptors of both sides and colours: sync ones that wait, async ones, one around the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import AsyncEcho, Echo, Start, serving_here, stub_of
from ..protos.exchange_pb2 import Reply, Request


@pytest.fixture
def target(grpcio_server: Start) -> str:
    return grpcio_server()


class Log(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """One class of four kinds; notes what passes, and waits for nothing."""

    def __init__(self, name: str, seen: list[str]) -> None:
        self._name, self._seen = name, seen

    def _intercept(self, continuation: Any, details: Any, request: Any) -> Any:
        self._seen.append(f"{self._name} {details.method.rpartition('/')[2]}")
        return continuation(details, request)

    intercept_unary_unary = intercept_unary_stream = _intercept
    intercept_stream_unary = intercept_stream_stream = _intercept


class WaitsForCode(grpc.UnaryUnaryClientInterceptor, grpc.StreamUnaryClientInterceptor):
    """Written for grpcio: waits for the call, then asks it this and that."""

    def __init__(self, seen: list[Any]) -> None:
        self._seen = seen

    def _intercept(self, continuation: Any, details: Any, request: Any) -> Any:
        call = continuation(details, request)
        self._seen.append(call.code())
        if call.code() == grpc.StatusCode.OK:
            self._seen.append((call.result().number, call.exception()))
        else:
            self._seen.append((call.exception().code(), call.details()))
        return call

    intercept_unary_unary = intercept_stream_unary = _intercept


async def use(stub: Any) -> None:
    assert (await stub.Ask(Request(text="unary", number=1))).text == "UNARY"
    reply, call = await stub.Ask.with_call(Request(number=2))
    assert (reply.number, await call.code()) == (2, grpc.StatusCode.OK)
    assert (await stub.Ask.future(Request(number=3)).result()).number == 3
    assert [reply.number async for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
    assert (await stub.Collect([Request(number=4)])).number == 4
    assert [reply.number async for reply in stub.Talk([Request(number=4)])] == [8]


def use_in_thread(stub: Any) -> None:
    assert stub.Ask(Request(text="unary", number=1)).text == "UNARY"
    assert stub.Ask.with_call(Request(number=2))[0].number == 2
    assert stub.Ask.future(Request(number=3)).result().number == 3
    assert [reply.number for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
    assert stub.Collect(iter([Request(number=4)])).number == 4
    assert [reply.number for reply in stub.Talk(iter([Request(number=4)]))] == [8]


METHODS = ["Ask", "Ask", "Ask", "Watch", "Collect", "Talk"]


# ---- client ------------------------------------------------------------------------------------------


async def test_interceptors_nest_and_both_colours_pass_them(target: str) -> None:
    seen: list[str] = []
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Log("outer", seen), Log("inner", seen)))
        await use(stub)
        expected = [f"{name} {method}" for method in METHODS for name in ("outer", "inner")]
        assert seen == expected
        seen.clear()
        await asyncio.to_thread(use_in_thread, stub)
        assert seen == expected


async def test_an_interceptor_that_waits_does_not_block_the_loop(target: str) -> None:
    seen: list[Any] = []
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, WaitsForCode(seen)))
        await use(stub)
        ok = grpc.StatusCode.OK
        assert seen == [part for number in (1, 2, 3, 4) for part in (ok, (number, None))]
        replies = await asyncio.gather(*(stub.Ask(Request(number=number)) for number in range(50)))
        assert [reply.number for reply in replies] == list(range(50))


async def test_interceptors_that_wait_nest(target: str) -> None:
    seen: list[Any] = []
    waiting = [WaitsForCode(seen) for _ in range(3)]
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, *waiting, Log("inner", [])))
        await use(stub)
    assert len(seen) == 2 * 3 * 4


async def test_an_interceptor_sees_the_failure(grpcio_server: Start) -> None:
    class Refusing(Echo):
        def Ask(self, request, context):
            context.abort(grpc.StatusCode.NOT_FOUND, "gone")

    seen: list[Any] = []
    async with grpc_bridge.insecure_channel(grpcio_server(Refusing())) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, WaitsForCode(seen)))
        with pytest.raises(grpc.RpcError) as caught:
            await stub.Ask(Request())
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.NOT_FOUND, "gone")
    assert seen == [grpc.StatusCode.NOT_FOUND, (grpc.StatusCode.NOT_FOUND, "gone")]


class Retries(grpc.UnaryUnaryClientInterceptor):
    def intercept_unary_unary(self, continuation, client_call_details, request):
        for _ in range(5):
            call = continuation(client_call_details, request)
            if call.code() != grpc.StatusCode.UNAVAILABLE:
                break
        return call


async def test_an_interceptor_retries(grpcio_server: Start) -> None:
    class Flaky(Echo):
        tries = 0

        def Ask(self, request, context):
            self.tries += 1
            if self.tries < 4:
                context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
            return Reply(number=self.tries)

    async with grpc_bridge.insecure_channel(grpcio_server(Flaky())) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Retries()))
        assert (await stub.Ask(Request())).number == 4


async def test_an_interceptor_wraps_the_responses(target: str) -> None:
    class Wraps(grpc.UnaryStreamClientInterceptor):
        def intercept_unary_stream(self, continuation, client_call_details, request):
            def doubled(responses: Any) -> Iterator[Reply]:
                for reply in responses:
                    yield Reply(number=reply.number * 2)

            return doubled(continuation(client_call_details, request))

    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Wraps()))
        assert [reply.number async for reply in stub.Watch(Request(number=4))] == [0, 2, 4, 6]


async def test_an_interceptor_that_raises(target: str) -> None:
    class Raises(grpc.UnaryUnaryClientInterceptor):
        def intercept_unary_unary(self, continuation, client_call_details, request):
            raise KeyError("no")

    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Raises()))
        with pytest.raises(KeyError, match="no"):
            await stub.Ask(Request())


async def test_an_async_client_interceptor_among_sync_ones(target: str) -> None:
    class Async(grpc.UnaryUnaryClientInterceptor):
        async def intercept_unary_unary(self, continuation, client_call_details, request):
            await asyncio.sleep(0)
            return await continuation(client_call_details, Request(text=request.text + "!"))

    seen: list[Any] = []
    async with grpc_bridge.insecure_channel(target) as channel:
        for interceptors in ([Async()], [WaitsForCode(seen), Async()], [Async(), WaitsForCode(seen)]):
            stub = stub_of(grpc_bridge.intercept_channel(channel, *interceptors))
            assert (await stub.Ask(Request(text="a"))).text == "A!"
    assert seen == [grpc.StatusCode.OK, (0, None)] * 2


# ---- server ------------------------------------------------------------------------------------------


class Named(grpc.ServerInterceptor):
    """Sync: notes its name, then goes on; refuses a method."""

    def __init__(self, name: str, seen: list[str], refuses: str = "") -> None:
        self.name, self.seen, self.refuses = name, seen, refuses

    def intercept_service(self, continuation, handler_call_details):
        self.seen.append(f"{self.name} {handler_call_details.method.rpartition('/')[2]}")
        if self.refuses and handler_call_details.method.endswith(self.refuses):
            return grpc.unary_unary_rpc_method_handler(refuse)
        return continuation(handler_call_details)


def refuse(_: bytes, context: grpc.ServicerContext) -> None:
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")


class AsyncNamed(Named):
    async def intercept_service(self, continuation, handler_call_details):
        await asyncio.sleep(0)
        handler = super().intercept_service(continuation, handler_call_details)
        return await handler if asyncio.iscoroutine(handler) else handler


CHAINS = {
    "sync": [Named, Named],
    "async": [AsyncNamed, AsyncNamed],
    "sync around async": [Named, AsyncNamed],
    "async around sync": [AsyncNamed, Named],
}


@pytest.mark.parametrize("servicer", [Echo, AsyncEcho], ids=["functions", "coroutines"])
@pytest.mark.parametrize("start", ["from sync code", "in a coroutine"])
@pytest.mark.parametrize("chain", CHAINS)
async def test_server_interceptors_of_any_colour(
    chain: str, start: str, servicer: type, bridge_server: Start
) -> None:
    seen: list[str] = []
    first, second = CHAINS[chain]
    interceptors = [first("outer", seen), second("inner", seen, refuses="Collect")]

    async def check(target: str) -> None:
        async with grpc_bridge.insecure_channel(target) as channel:
            stub = stub_of(channel)
            assert (await stub.Ask(Request(text="a"))).text == "A"
            assert [reply.number async for reply in stub.Talk([Request(number=1)])] == [2]
            with pytest.raises(grpc.RpcError) as caught:
                await stub.Collect([Request()])
            assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
        assert seen == [
            f"{name} {method}" for method in ("Ask", "Talk", "Collect") for name in ("outer", "inner")
        ]

    if start == "from sync code":
        await check(bridge_server(servicer(), interceptors=interceptors))
    else:
        async with serving_here(servicer(), interceptors=interceptors) as target:
            await check(target)


async def test_a_server_interceptor_that_raises_fails_the_call() -> None:
    class Raises(grpc.ServerInterceptor):
        def intercept_service(self, continuation, handler_call_details):
            raise KeyError("no")

    async with (
        serving_here(interceptors=[Raises()]) as target,
        grpc_bridge.insecure_channel(target) as channel,
    ):
        with pytest.raises(grpc.RpcError) as caught:
            await stub_of(channel).Ask(Request())
    assert caught.value.code() == grpc.StatusCode.UNKNOWN
