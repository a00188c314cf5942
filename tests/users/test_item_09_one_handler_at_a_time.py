"""Handlers become async one at a time: any mix of colours in one servicer, on a server started either way."""

from __future__ import annotations

import asyncio
import importlib
import itertools
from collections.abc import Callable, Coroutine
from concurrent import futures
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

import grpc_bridge

from ..conftest import LOOPBACK, PATIENCE, AsyncEcho, Echo, in_plain_thread, stub_of
from ..protos import exchange_pb2, exchange_pb2_grpc
from ..protos.exchange_pb2 import Request

# The folder's name is a keyword, which no import statement can spell.
arities = importlib.import_module("tests.async.test_server_arities")
use_everything: Callable[[str], Coroutine[Any, Any, None]] = arities.use_everything
use_grpcio: Callable[[str], None] = arities.use_grpcio
use_ours_in_thread: Callable[[str], None] = arities.use_ours_in_thread

METHODS = ("Ask", "Watch", "Collect", "Talk")
SERVICE = exchange_pb2.DESCRIPTOR.services_by_name["Exchange"].full_name
MIXES = list(itertools.product((Echo, AsyncEcho), repeat=len(METHODS)))


def servicer_of(colours: tuple[type, ...]) -> Any:
    """A servicer each of whose methods has a colour of its own."""
    methods = {method: getattr(colour, method) for method, colour in zip(METHODS, colours, strict=True)}
    return type("Mixed", (exchange_pb2_grpc.ExchangeServicer,), methods)()


def make(servicer: Any, pool: futures.Executor) -> tuple[Any, str]:
    """A server, with the packaged servicers beside the user's, as a sync `main` makes it."""
    server = grpc_bridge.server(pool)
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    checks = health.HealthServicer()
    checks.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    reflection.enable_server_reflection((SERVICE, reflection.SERVICE_NAME), server)
    return server, f"127.0.0.1:{server.add_insecure_port(LOOPBACK)}"


def use_packages(target: str) -> None:
    with grpc.insecure_channel(target) as channel:
        request = health_pb2.HealthCheckRequest(service=SERVICE)
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=PATIENCE)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        watching = health_pb2_grpc.HealthStub(channel).Watch(request, timeout=PATIENCE)
        assert next(watching).status == health_pb2.HealthCheckResponse.SERVING
        watching.cancel()
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        info = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([question]))
        names = {service.name for service in next(info).list_services_response.service}
        assert {SERVICE, reflection.SERVICE_NAME} <= names
        info.cancel()


def identify(colours: tuple[type, ...]) -> str:
    return "".join("s" if colour is Echo else "a" for colour in colours)


@pytest.mark.parametrize("colours", MIXES, ids=identify)
@pytest.mark.parametrize("start", ["from sync code", "awaited"])
async def test_any_mix_answers_as_before(colours: tuple[type, ...], start: str) -> None:
    with futures.ThreadPoolExecutor(4) as pool:
        server, target = make(servicer_of(colours), pool)
        if start == "awaited":
            await server.start()
        else:
            in_plain_thread(server.start)
        await use_everything(target)
        await asyncio.to_thread(use_packages, target)
        await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)


@pytest.mark.parametrize("colours", MIXES, ids=identify)
def test_any_mix_answers_in_a_program_that_knows_no_loop(colours: tuple[type, ...]) -> None:
    with futures.ThreadPoolExecutor(4) as pool:
        server, target = make(servicer_of(colours), pool)
        server.start()
        use_grpcio(target)
        use_ours_in_thread(target)
        use_packages(target)
        assert server.stop(None).wait(PATIENCE)


async def test_one_method_was_sync_and_becomes_async_between_two_releases() -> None:
    """The same client, not even reconnected, sees no difference."""
    with futures.ThreadPoolExecutor(4) as pool:
        server, target = make(servicer_of((Echo,) * 4), pool)
        await server.start()
        async with grpc_bridge.insecure_channel(target) as channel:
            stub = stub_of(channel)
            for release in range(1, 5):
                assert (await stub.Ask(Request(text="a"), wait_for_ready=True, timeout=PATIENCE)).text == "A"
                assert [reply.number async for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
                await server.stop(None)
                server = grpc_bridge.server(pool)
                colours = (AsyncEcho,) * release + (Echo,) * (4 - release)
                exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer_of(colours), server)
                server.add_insecure_port(target)
                await server.start()
        await server.stop(None)
