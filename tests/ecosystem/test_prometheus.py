"""py-grpc-prometheus, as published: sync interceptors that count calls and messages of both colours."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import AsyncEcho, Echo, Servicer, Start, stub_of, until
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Request
from .conftest import Serve

prometheus_client = pytest.importorskip("prometheus_client", reason="prometheus_client is not installed")
client = pytest.importorskip(
    "py_grpc_prometheus.prometheus_client_interceptor", reason="py-grpc-prometheus is not installed"
)
server = pytest.importorskip(
    "py_grpc_prometheus.prometheus_server_interceptor", reason="py-grpc-prometheus is not installed"
)


class Counts:
    """A registry of its own, read by the names of counters."""

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()

    def __call__(self, name: str, **labels: str) -> dict[str, float]:
        """The counter's values, by method."""
        return {
            sample.labels["grpc_method"]: sample.value
            for metric in self.registry.collect()
            for sample in metric.samples
            if sample.name == f"{name}_total" and labels.items() <= sample.labels.items()
        }


@pytest.fixture
def counts() -> Counts:
    return Counts()


async def each_arity(stub: Any, caller: Any) -> None:
    requests = [Request(number=2)] * 3
    assert (await caller.unary(stub.Ask, Request(text="a"))).text == "A"
    assert (await caller.unary(stub.Collect, iter(requests))).number == 6
    assert len(await caller.all(stub.Watch, Request(number=2))) == 2
    assert len(await caller.all(stub.Talk, iter(requests))) == 3


async def test_the_client_counts(grpcio_server: Start, counts: Counts, caller: Any) -> None:
    interceptor = client.PromClientInterceptor(registry=counts.registry)
    channel = grpc_bridge.intercept_channel(grpc_bridge.insecure_channel(grpcio_server()), interceptor)
    async with channel:
        await each_arity(stub_of(channel), caller)
    started = counts("grpc_client_started")
    assert started.pop("Talk", 1) == 1  # it does not count those
    assert started == {"Ask": 1, "Collect": 1, "Watch": 1}
    assert counts("grpc_client_handled", grpc_code="OK") == {"Ask": 1}  # nor any but these
    assert counts("grpc_client_msg_sent") == {"Collect": 3, "Talk": 3}
    assert counts("grpc_client_msg_received") == {"Watch": 2, "Talk": 3}


async def test_the_client_counts_errors(grpcio_server: Start, counts: Counts, caller: Any) -> None:
    interceptor = client.PromClientInterceptor(registry=counts.registry)
    channel = grpc_bridge.intercept_channel(
        grpc_bridge.insecure_channel(grpcio_server(Servicer())), interceptor
    )
    async with channel:
        error = await caller.error(stub_of(channel).Ask, Request())
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert counts("grpc_client_handled", grpc_code="UNIMPLEMENTED") == {"Ask": 1}


@pytest.mark.parametrize("servicer", [Echo, AsyncEcho])
async def test_the_server_counts(serve: Serve, counts: Counts, caller: Any, servicer: Any) -> None:
    interceptor = server.PromServerInterceptor(registry=counts.registry)

    def build(server: Any) -> None:
        exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer(), server)

    async with (
        serve(build, interceptors=[interceptor]) as target,
        grpc_bridge.insecure_channel(target) as channel,
    ):
        await each_arity(stub_of(channel), caller)
        await until(lambda: len(counts("grpc_server_handled", grpc_code="OK")) == 2)
    assert counts("grpc_server_started") == {"Ask": 1, "Watch": 1}
    assert counts("grpc_server_handled", grpc_code="OK") == {"Ask": 1, "Collect": 1}
    assert counts("grpc_server_msg_received") == {"Collect": 3, "Talk": 3}
    assert counts("grpc_server_msg_sent") == {"Watch": 2, "Talk": 3}


class Refusing(Servicer):
    def Ask(self, request, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "nothing here")


class AsyncRefusing(Servicer):
    async def Ask(self, request, context):
        await context.abort(grpc.StatusCode.NOT_FOUND, "nothing here")


@pytest.mark.parametrize("servicer", [Refusing, AsyncRefusing])
async def test_the_server_counts_errors(serve: Serve, counts: Counts, caller: Any, servicer: Any) -> None:
    interceptor = server.PromServerInterceptor(registry=counts.registry)

    def build(server: Any) -> None:
        exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer(), server)

    async with (
        serve(build, interceptors=[interceptor]) as target,
        grpc_bridge.insecure_channel(target) as channel,
    ):
        error = await caller.error(stub_of(channel).Ask, Request())
    assert error.details() == "nothing here"
    assert counts("grpc_server_handled", grpc_code="NOT_FOUND") == {"Ask": 1}
