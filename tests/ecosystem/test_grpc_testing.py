"""grpc_testing's fake channel and server, by way of grpc_bridge.testing, for programs of either colour."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, in_plain_thread, stub_of
from ..protos import exchange_pb2
from ..protos.exchange_pb2 import Reply, Request

pytest.importorskip("grpc_testing", reason="grpcio-testing is not installed")

from grpc_bridge import testing

EXCHANGE = exchange_pb2.DESCRIPTOR.services_by_name["Exchange"]
OK = (), grpc.StatusCode.OK, ""
GONE = (("why", "gone"),), grpc.StatusCode.NOT_FOUND, "it is gone"


def method(name: str) -> Any:
    return EXCHANGE.methods_by_name[name]


@pytest.fixture
def channel() -> Any:
    return testing.channel([EXCHANGE], testing.strict_real_time())


# ---- the channel, in coroutines ----------------------------------------------------------------------


async def test_a_call_of_one_response(channel: Any) -> None:
    call = stub_of(channel).Ask(Request(text="a"), metadata=(("key", "value"),))
    metadata, request, rpc = await channel.take_unary_unary(method("Ask"))
    assert request.text == "a"
    assert ("key", "value") in metadata
    rpc.send_initial_metadata((("initial", "1"),))
    rpc.terminate(Reply(text="A"), *OK)
    assert (await call).text == "A"
    assert await call.code() is grpc.StatusCode.OK
    assert ("initial", "1") in await call.initial_metadata()
    assert isinstance(call, grpc.Call)
    assert isinstance(call, grpc.Future)


async def test_the_other_ways_to_make_it(channel: Any) -> None:
    stub = stub_of(channel)
    seen: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()
    future = stub.Ask.future(Request())
    # Written for grpcio: it asks for values, and gets them, wherever it runs.
    future.add_done_callback(
        lambda done: loop.call_soon_threadsafe(seen.set_result, (done.code(), done.result().text))
    )
    with_call = asyncio.ensure_future(_awaited(stub.Ask.with_call(Request())))
    for _ in range(2):
        _, _, rpc = await channel.take_unary_unary(method("Ask"))
        rpc.terminate(Reply(text="A"), *OK)
    assert await asyncio.wait_for(seen, PATIENCE) == (grpc.StatusCode.OK, "A")
    response, call = await with_call
    assert (response.text, await call.details()) == ("A", "")


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


async def test_errors(channel: Any) -> None:
    stub = stub_of(channel)
    unary, stream = stub.Ask.future(Request()), stub.Watch(Request())
    _, _, rpc = await channel.take_unary_unary(method("Ask"))
    rpc.terminate(None, *GONE)
    _, _, rpc = await channel.take_unary_stream(method("Watch"))
    rpc.send_response(Reply(number=1))
    assert (await anext(stream)).number == 1
    rpc.terminate(*GONE)
    with pytest.raises(grpc.RpcError) as caught:
        await unary
    with grpc_bridge.blocking():
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError):
        await anext(stream)
    assert await stream.details() == "it is gone"


@pytest.mark.parametrize("kind", ["list", "iterator", "async iterator", "written"])
async def test_streams(channel: Any, kind: str) -> None:
    stub = stub_of(channel)
    sent = [Request(number=1), Request(number=2)]

    async def asynchronous() -> Any:
        for request in sent:
            yield request

    requests = {"list": sent, "iterator": iter(sent), "async iterator": asynchronous(), "written": None}[kind]
    talk = stub.Talk(requests)
    if kind == "written":
        for request in sent:
            await talk.write(request)
        await talk.done_writing()
    else:
        with pytest.raises(grpc.aio.UsageError):
            await talk.write(Request())
    _, rpc = await channel.take_stream_stream(method("Talk"))
    for request in sent:
        assert await rpc.take_request() == request
        rpc.send_response(Reply(number=request.number))
    await rpc.requests_closed()
    rpc.terminate(*OK)
    assert (await anext(talk)).number == 1
    assert (await talk.read()).number == 2
    assert await talk.read() is grpc.aio.EOF

    collect = stub.Collect([Request(number=3)])
    _, rpc = await channel.take_stream_unary(method("Collect"))
    assert (await rpc.take_request()).number == 3
    rpc.terminate(Reply(number=3), *OK)
    assert (await collect).number == 3


async def test_a_cancelled_task_cancels_its_call(channel: Any) -> None:
    async def program() -> None:
        await stub_of(channel).Ask(Request())

    task = asyncio.create_task(program())
    _, _, rpc = await channel.take_unary_unary(method("Ask"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await rpc.cancelled()


class Stamping(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def _intercept(self, continuation, client_call_details, request):
        request.text = "stamped"
        return continuation(client_call_details, request)

    intercept_unary_unary = intercept_unary_stream = _intercept


async def test_interceptors_around_it(channel: Any) -> None:
    stub = stub_of(grpc_bridge.intercept_channel(channel, Stamping()))
    call, stream = stub.Ask.future(Request()), stub.Watch(Request())
    _, request, rpc = await channel.take_unary_unary(method("Ask"))
    rpc.terminate(Reply(text=request.text), *OK)
    _, request, rpc = await channel.take_unary_stream(method("Watch"))
    assert (stream.done(), stream.running(), stream.cancelled()) == (False, True, False)
    rpc.send_response(Reply(text=request.text))
    rpc.terminate(*OK)
    assert (await call).text == "stamped"
    assert [reply.text async for reply in stream] == ["stamped"]
    assert (stream.done(), stream.running(), stream.cancelled()) == (True, False, False)


# ---- the channel, in sync code -----------------------------------------------------------------------


def test_sync_code_has_grpc_testing_s_own(channel: Any) -> None:
    stub = stub_of(grpc_bridge.intercept_channel(channel, Stamping()))
    future = stub.Ask.future(Request())
    _, request, rpc = channel.take_unary_unary(method("Ask"))
    rpc.terminate(Reply(text=request.text), *OK)
    assert future.result().text == "stamped"
    responses = stub_of(channel).Talk(iter([Request(number=1)]))
    _, rpc = channel.take_stream_stream(method("Talk"))
    assert rpc.take_request().number == 1
    rpc.requests_closed()
    rpc.send_response(Reply(number=2))
    rpc.terminate(*OK)
    assert [reply.number for reply in responses] == [2]


# ---- the server --------------------------------------------------------------------------------------


class Refusing(Echo):
    def Ask(self, request, context):
        context.send_initial_metadata((("initial", "1"),))
        context.abort(grpc.StatusCode.NOT_FOUND, "it is gone")


class AsyncRefusing(AsyncEcho):
    async def Ask(self, request, context):
        await context.send_initial_metadata((("initial", "1"),))
        await context.abort(grpc.StatusCode.NOT_FOUND, "it is gone")


def server_of(servicer: Any) -> Any:
    return testing.server_from_dictionary({EXCHANGE: servicer}, testing.strict_real_time())


@pytest.mark.parametrize("servicer", [Echo, AsyncEcho])
async def test_a_servicer_of_either_colour_from_a_coroutine(servicer: Callable[[], Any]) -> None:
    server = server_of(servicer())
    rpc = server.invoke_unary_unary(method("Ask"), (), Request(text="a"), PATIENCE)
    response, trailing, code, _ = await rpc.termination()
    assert (response.text, code) == ("A", grpc.StatusCode.OK)
    assert ("asked", "a") in trailing
    rpc = server.invoke_unary_stream(method("Watch"), (), Request(number=2), PATIENCE)
    assert [(await rpc.take_response()).number for _ in range(2)] == [0, 1]
    assert (await rpc.termination())[1] is grpc.StatusCode.OK
    rpc = server.invoke_stream_unary(method("Collect"), (), PATIENCE)
    rpc.send_request(Request(number=1))
    rpc.send_request(Request(number=2))
    rpc.requests_closed()
    assert (await rpc.termination())[0].number == 3
    rpc = server.invoke_stream_stream(method("Talk"), (), PATIENCE)
    for number in (1, 2):
        rpc.send_request(Request(number=number))
        assert (await rpc.take_response()).number == 2 * number
    rpc.requests_closed()
    assert (await rpc.termination())[1] is grpc.StatusCode.OK


@pytest.mark.parametrize("servicer", [Refusing, AsyncRefusing])
def test_a_servicer_of_either_colour_from_sync_code(servicer: Callable[[], Any]) -> None:
    def use() -> None:
        server = server_of(servicer())
        rpc = server.invoke_unary_unary(method("Ask"), (), Request(), PATIENCE)
        assert ("initial", "1") in rpc.initial_metadata()
        _, _, code, details = rpc.termination()
        assert (code, details) == (grpc.StatusCode.NOT_FOUND, "it is gone")
        rpc = server.invoke_stream_stream(method("Talk"), (), PATIENCE)
        rpc.send_request(Request(number=1))
        assert rpc.take_response().number == 2
        rpc.requests_closed()
        assert rpc.termination()[1] is grpc.StatusCode.OK

    in_plain_thread(use)
