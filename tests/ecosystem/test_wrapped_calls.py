"""Calls in wrapt's proxies, as Datadog's tracer has them: it keeps things on calls, and sees their end.

ddtrace itself is not installed for the tests: its pytest plugin would run in every test.
"""

from __future__ import annotations

from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import Start, stub_of, until
from ..protos.exchange_pb2 import Request

wrapt = pytest.importorskip("wrapt", reason="wrapt is not installed")


class Proxy(wrapt.ObjectProxy):  # type: ignore[misc]
    """What is set on a proxy is set on what it stands for."""

    def __init__(self, wrapped: Any, log: list[str]) -> None:
        super().__init__(wrapped)
        self._log = log
        self.__wrapped__.add_done_callback(lambda call: log.append(f"over: {call.code().name}"))


class Tracer(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    def __init__(self) -> None:
        self.log: list[str] = []

    def _intercept_unary(self, continuation, client_call_details, request):
        call = continuation(client_call_details, request)
        call._span = "kept"
        call.add_done_callback(lambda done: self.log.append(f"over: {done.code().name}"))
        return call

    def _intercept_stream(self, continuation, client_call_details, request):
        return Proxy(continuation(client_call_details, request), self.log)

    intercept_unary_unary = intercept_stream_unary = _intercept_unary
    intercept_unary_stream = intercept_stream_stream = _intercept_stream


async def test_they_work_in_both_colours(grpcio_server: Start, caller: Any) -> None:
    tracer = Tracer()
    channel = grpc_bridge.intercept_channel(grpc_bridge.insecure_channel(grpcio_server()), tracer)
    async with channel:
        stub = stub_of(channel)
        requests = [Request(number=2)] * 2
        assert (await caller.unary(stub.Ask, Request(text="a"))).text == "A"
        assert (await caller.unary(stub.Collect, iter(requests))).number == 4
        assert len(await caller.all(stub.Watch, Request(number=2))) == 2
        assert len(await caller.all(stub.Talk, iter(requests))) == 2
        await until(lambda: tracer.log.count("over: OK") == 4)


async def test_anybody_may_keep_something_on_a_call(grpcio_server: Start) -> None:
    async with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        stub = stub_of(channel)
        calls = [
            stub.Ask.future(Request()),
            stub.Watch(Request(number=1)),
            stub.Collect.future([Request()]),
            stub.Talk([Request()]),
        ]
        for call in calls:
            call.began = 1.5
        assert [call.began for call in calls] == [1.5] * 4
        for call in calls:
            call.cancel()
