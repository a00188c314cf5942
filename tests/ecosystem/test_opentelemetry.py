"""OpenTelemetry's grpc instrumentation, as published: each RPC gives one client span and one server span.

Given as interceptors, to channels and servers of either colour; and switched on for the whole process, where
it replaces grpc's own functions.
"""

from __future__ import annotations

import asyncio
import collections
import functools
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

import grpc_bridge
import grpc_bridge.aio
from grpc_bridge._channel import Channel
from grpc_bridge._pool import shared

from ..conftest import LOOPBACK, PATIENCE, AsyncEcho, Echo, Servicer, Start, stub_of, until, wait_in_thread
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request
from .conftest import Serve

pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")
instrumentation = pytest.importorskip(
    "opentelemetry.instrumentation.grpc", reason="opentelemetry-instrumentation-grpc is not installed"
)

from opentelemetry import trace  # noqa: E402
from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: E402

METHODS = ["Ask", "Collect", "Talk", "Watch"]


class Spans:
    """The spans that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        # The channel's instrumentation knows only the process's provider, which can be set once.
        trace.set_tracer_provider(provider)

    def clear(self) -> None:
        self._exporter.clear()

    def of(self, kind: str) -> list[Any]:
        return [span for span in self._exporter.get_finished_spans() if span.kind.name == kind]

    def methods(self, kind: str) -> list[str]:
        return sorted(span.name.rpartition("/")[2] for span in self.of(kind))

    async def ended(self, count: int) -> None:
        """Wait until so many have ended on each side, and see that no more have."""
        for kind in ("CLIENT", "SERVER"):
            await until(lambda kind=kind: len(self.of(kind)) >= count)
            assert len(self.of(kind)) == count, self.methods(kind)


@pytest.fixture(scope="session")
def _spans() -> Spans:
    return Spans()


@pytest.fixture
def spans(_spans: Spans) -> Spans:
    _spans.clear()
    return _spans


class Traced(Echo):
    """Says on which trace its handler runs."""

    def Ask(self, request, context):
        return Reply(text=_trace())


class AsyncTraced(AsyncEcho):
    async def Ask(self, request, context):
        return Reply(text=_trace())


def _trace() -> str:
    return format(trace.get_current_span().get_span_context().trace_id, "x")


def adding(servicer: Servicer) -> Callable[[Any], None]:
    return lambda server: exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)


async def each_arity(stub: Any, caller: Any) -> None:
    requests = [Request(number=2)]
    await caller.unary(stub.Ask, Request(text="a"))
    await caller.unary(stub.Collect, iter(requests))
    for multicallable, request in ((stub.Watch, Request(number=2)), (stub.Talk, iter(requests * 2))):
        assert len(await caller.all(multicallable, request)) == 2


# ---- given as interceptors ---------------------------------------------------------------------------


def _ours_with_aio_s(target: str) -> Any:
    return grpc_bridge.intercept_channel(
        grpc_bridge.insecure_channel(target), *instrumentation.aio_client_interceptors()
    )


def _aio_with_aio_s(target: str) -> Any:
    return grpc_bridge.aio.insecure_channel(target, interceptors=instrumentation.aio_client_interceptors())


@pytest.mark.parametrize("factory", [_ours_with_aio_s, _aio_with_aio_s])
async def test_interceptors_of_a_channel(
    grpcio_server: Start, spans: Spans, caller: Any, factory: Callable[[str], Any]
) -> None:
    async with factory(grpcio_server()) as channel:
        await each_arity(stub_of(channel), caller)
    assert spans.methods("CLIENT") == METHODS
    assert {span.status.is_ok or span.status.is_unset for span in spans.of("CLIENT")} == {True}


@pytest.mark.parametrize("servicer", [Echo, AsyncEcho])
@pytest.mark.parametrize("interceptor", ["server_interceptor", "aio_server_interceptor"])
async def test_interceptors_of_a_server(
    serve: Serve, spans: Spans, caller: Any, servicer: Any, interceptor: str
) -> None:
    interceptors = [getattr(instrumentation, interceptor)()]
    async with (
        serve(adding(servicer()), interceptors=interceptors) as target,
        grpc_bridge.insecure_channel(target) as channel,
    ):
        await each_arity(stub_of(channel), caller)
        await until(lambda: len(spans.of("SERVER")) >= 4)
    assert spans.methods("SERVER") == METHODS


# ---- switched on for the process ---------------------------------------------------------------------


@pytest.fixture
def instrumented() -> Iterator[None]:
    instrumentors = [
        instrumentation.GrpcInstrumentorClient(),
        instrumentation.GrpcInstrumentorServer(),
        instrumentation.GrpcAioInstrumentorClient(),
        instrumentation.GrpcAioInstrumentorServer(),
    ]
    for each in instrumentors:
        each.instrument()
    yield
    for each in instrumentors:
        each.uninstrument()
    assert type(grpc_bridge.insecure_channel("127.0.0.1:1")) is Channel


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("servicer", [Traced, AsyncTraced])
async def test_each_rpc_gives_a_span_on_either_side(
    serve: Serve, spans: Spans, caller: Any, servicer: Any
) -> None:
    async with serve(adding(servicer())) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        await each_arity(stub, caller)
        await spans.ended(4)
        assert spans.methods("CLIENT") == spans.methods("SERVER") == METHODS
        reply = await caller.unary(stub.Ask, Request())
        await spans.ended(5)
    server, client = spans.of("SERVER")[-1], spans.of("CLIENT")[-1]
    assert reply.text == format(client.context.trace_id, "x"), "the handler runs on the client's trace"
    assert server.parent.span_id == client.context.span_id


@pytest.mark.usefixtures("instrumented")
@pytest.mark.filterwarnings("ignore::grpc.experimental.ExperimentalApiWarning")
async def test_calls_without_a_channel_give_spans_too(serve: Serve, spans: Spans, caller: Any) -> None:
    async with serve(adding(AsyncTraced())) as target:
        ask = functools.partial(
            grpc_bridge.experimental.unary_unary,
            target=target,
            method="/grpc_bridge.testing.Exchange/Ask",
            request_serializer=Request.SerializeToString,
            response_deserializer=Reply.FromString,
            insecure=True,
        )
        await caller.unary(ask, Request())
        await spans.ended(1)
        shared.close()  # it would keep the channel, instrumented, for whoever gets this port next


class Counting(grpc.ServerInterceptor, grpc.UnaryUnaryClientInterceptor):
    """The user's own, beside the instrumentation's."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def intercept_service(self, continuation, handler_call_details):
        self.seen.append("server")
        return continuation(handler_call_details)

    def intercept_unary_unary(self, continuation, client_call_details, request):
        self.seen.append("client")
        return continuation(client_call_details, request)


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("collection", [None, tuple, list])
async def test_the_user_s_interceptors_come_in_any_collection(
    spans: Spans, caller: Any, collection: Any
) -> None:
    counting = Counting()
    own = None if collection is None else collection([counting])
    for server, connect in (
        (grpc_bridge.server(interceptors=own), _intercepted),
        (grpc_bridge.aio.server(interceptors=own), grpc_bridge.aio.insecure_channel),
    ):
        exchange_pb2_grpc.add_ExchangeServicer_to_server(AsyncTraced(), server)
        target = f"127.0.0.1:{server.add_insecure_port(LOOPBACK)}"
        await server.start()
        async with connect(target, interceptors=own) as channel:
            await each_arity(stub_of(channel), caller)
            await spans.ended(4)
        assert spans.methods("CLIENT") == spans.methods("SERVER") == METHODS
        await asyncio.wait_for(server.stop(None), PATIENCE)
        assert sorted(counting.seen) == ([] if own is None else ["client"] + ["server"] * 4)
        spans.clear()
        counting.seen.clear()


def _intercepted(target: str, interceptors: Any) -> Any:
    return grpc_bridge.intercept_channel(grpc_bridge.insecure_channel(target), *(interceptors or ()))


class Failing(Servicer):
    def Ask(self, request, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "nothing here")

    def Watch(self, request, context):
        yield Reply()
        context.abort(grpc.StatusCode.NOT_FOUND, "no more")


class AsyncFailing(Servicer):
    async def Ask(self, request, context):
        await context.abort(grpc.StatusCode.NOT_FOUND, "nothing here")

    async def Watch(self, request, context):
        yield Reply()
        await context.abort(grpc.StatusCode.NOT_FOUND, "no more")


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("servicer", [Failing, AsyncFailing])
async def test_spans_end_when_calls_fail(serve: Serve, spans: Spans, caller: Any, servicer: Any) -> None:
    async with serve(adding(servicer())) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        assert (await caller.error(stub.Ask, Request())).code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.RpcError):
            await caller.all(stub.Watch, Request())
        await spans.ended(2)
    assert [span.status.is_ok for span in spans.of("CLIENT")] == [False, False]
    codes = collections.Counter(span.attributes["rpc.grpc.status_code"] for span in spans.of("CLIENT"))
    assert codes == {grpc.StatusCode.NOT_FOUND.value[0]: 2}


class Endless(Servicer):
    def __init__(self) -> None:
        self.asked = threading.Event()

    async def Ask(self, request, context):
        self.asked.set()
        await asyncio.get_running_loop().create_future()

    async def Watch(self, request, context):
        while True:
            yield Reply()


@pytest.mark.usefixtures("instrumented")
async def test_spans_end_when_calls_are_cancelled_or_dropped(serve: Serve, spans: Spans) -> None:
    servicer = Endless()
    async with serve(adding(servicer)) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)
        call = stub.Ask.future(Request())
        await wait_in_thread(servicer.asked)
        call.cancel()
        with pytest.raises(grpc.RpcError):
            await call
        await spans.ended(1)
        spans.clear()

        # What the instrumentation makes of a response stream is a generator, which has no cancel().
        entered = asyncio.Event()

        async def read() -> None:
            async for _ in stub.Watch(Request(), timeout=PATIENCE):
                entered.set()

        task = asyncio.create_task(read())
        await asyncio.wait_for(entered.wait(), PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await spans.ended(1)
        call = stub.Watch(Request(), timeout=PATIENCE)
        await anext(aiter(call))
        del call
        gc.collect()
        await spans.ended(2)
