"""The services that grpcio publishes, as published, on our server, asked in both colours."""

from __future__ import annotations

import asyncio
from concurrent import futures
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge
import grpc_bridge.aio

from ..conftest import LOOPBACK, PATIENCE, Echo, Servicer, stub_of, until
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request
from .conftest import Serve, names

health = pytest.importorskip("grpc_health.v1.health", reason="grpcio-health-checking is not installed")
reflection = pytest.importorskip(
    "grpc_reflection.v1alpha.reflection", reason="grpcio-reflection is not installed"
)
channelz = pytest.importorskip("grpc_channelz.v1.channelz", reason="grpcio-channelz is not installed")

from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc  # noqa: E402
from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: E402
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc  # noqa: E402

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN

Check = health_pb2.HealthCheckRequest


# ---- health ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", ["sync", "blocking", "aio"])
async def test_health_is_checked_and_watched(serve: Serve, caller: Any, flavour: str) -> None:
    servicer = {
        "sync": health.HealthServicer,
        "blocking": lambda: health.HealthServicer(experimental_non_blocking=False),
        "aio": health.aio.HealthServicer,
    }[flavour]()

    async with (
        serve(lambda server: health_pb2_grpc.add_HealthServicer_to_server(servicer, server)) as target,
        grpc_bridge.insecure_channel(target) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        assert (await caller.unary(stub.Check, Check())).status == SERVING
        assert (await caller.error(stub.Check, Check(service="x"))).code() is grpc.StatusCode.NOT_FOUND
        (seen,) = await caller.stream(stub.Watch, Check(service="x"), 1)
        assert seen.status == UNKNOWN


async def test_watchers_of_the_sync_health_servicer_see_changes_and_take_no_threads(serve: Serve) -> None:
    servicer = health.HealthServicer()
    pool = futures.ThreadPoolExecutor(1)

    def build(server: Any) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        exchange_pb2_grpc.add_ExchangeServicer_to_server(Echo(), server)

    async with serve(build, thread_pool=pool) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        calls = [stub.Watch(Check(service="shop"), timeout=PATIENCE) for _ in range(5)]
        assert [(await anext(call)).status for call in calls] == [UNKNOWN] * 5
        servicer.set("shop", SERVING)  # on the loop's own thread
        assert [(await anext(call)).status for call in calls] == [SERVING] * 5
        await asyncio.to_thread(servicer.enter_graceful_shutdown)
        assert [(await anext(call)).status for call in calls] == [NOT_SERVING] * 5
        assert (await stub.Check(Check(service="shop"), timeout=PATIENCE)).status == NOT_SERVING
        for call in calls:
            call.cancel()
        await until(lambda: not servicer._send_response_callbacks["shop"])


async def test_a_watcher_of_the_aio_health_servicer_sees_changes() -> None:
    servicer = health.aio.HealthServicer()
    server = grpc_bridge.server()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port(LOOPBACK)
    await server.start()
    async with grpc_bridge.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = health_pb2_grpc.HealthStub(channel).Watch(Check(service="shop"), timeout=PATIENCE)
        assert (await anext(call)).status == UNKNOWN
        await servicer.set("shop", SERVING)
        assert (await anext(call)).status == SERVING
        await servicer.enter_graceful_shutdown()
        assert (await anext(call)).status == NOT_SERVING
        call.cancel()
        await until(lambda: "shop" not in servicer._server_watchers)
    await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)


@pytest.mark.parametrize("start", ["grpcio_server", "bridge_server"])
def test_a_handler_that_calls_back_may_raise(request: pytest.FixtureRequest, start: str) -> None:
    class Failing(Servicer):
        def Watch(self, request, context, send_response_callback=None):
            send_response_callback(Reply(number=1))
            raise LookupError("no such shelf")

        Watch.experimental_non_blocking = True

    with grpc_bridge.insecure_channel(request.getfixturevalue(start)(Failing())) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            list(stub_of(channel).Watch(Request(), timeout=PATIENCE))
        assert caught.value.code() is grpc.StatusCode.UNKNOWN
        assert caught.value.details() == "Exception calling application: no such shelf"


# A client that asks for health checks before it sends anything else: C-core itself calls Watch.
CLIENT_HEALTH_CHECKS = (
    (
        "grpc.service_config",
        '{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": "shop"}}',
    ),
)


async def test_c_core_s_own_health_checks_are_answered(serve: Serve, caller: Any) -> None:
    servicer = health.HealthServicer()

    def build(server: Any) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        exchange_pb2_grpc.add_ExchangeServicer_to_server(Echo(), server)

    async with serve(build) as target, grpc_bridge.insecure_channel(target, CLIENT_HEALTH_CHECKS) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        servicer.set("shop", NOT_SERVING)
        error = await caller.error(stub.Check, Check(service="shop"))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        servicer.set("shop", SERVING)
        reply = await caller.unary(stub.Check, Check(service="shop"), wait_for_ready=True)
        assert reply.status == SERVING


# ---- reflection --------------------------------------------------------------------------------------

SERVICES = ["grpc_bridge.testing.Exchange", reflection.SERVICE_NAME]


def _reflect_sync(server: Any) -> None:
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
        reflection.ReflectionServicer(SERVICES), server
    )


def _reflect_aio(server: Any) -> None:
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
        reflection.aio.ReflectionServicer(SERVICES), server
    )


def _reflect(server: Any) -> None:
    reflection.enable_server_reflection(SERVICES, server)


@pytest.mark.parametrize("build", [_reflect, _reflect_sync, _reflect_aio])
async def test_reflection_tells_services_and_files(serve: Serve, caller: Any, build: Any) -> None:
    ask = reflection_pb2.ServerReflectionRequest
    async with serve(build) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        questions = [
            ask(list_services=""),
            ask(file_containing_symbol="grpc_bridge.testing.Exchange"),
            ask(file_by_filename="nowhere.proto"),
        ]
        services, file, missing = await caller.stream(stub.ServerReflectionInfo, iter(questions), 3)
    assert names(services.list_services_response.service) == sorted(SERVICES)
    assert b"grpc_bridge.testing" in file.file_descriptor_response.file_descriptor_proto[0]
    assert missing.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_the_kind_of_server_is_told_by_its_factory() -> None:
    # What the packages choose their servicer by; importing grpc_bridge.aio changes nothing about it.
    ours, aios = grpc_bridge.server(), grpc_bridge.aio.server()
    assert [isinstance(server, grpc.Server) for server in (ours, aios)] == [True, True]
    assert [isinstance(server, grpc.aio.Server) for server in (ours, aios)] == [False, True]
    channels = grpc_bridge.insecure_channel("127.0.0.1:1"), grpc_bridge.aio.insecure_channel("127.0.0.1:1")
    assert [isinstance(channel, grpc.Channel) for channel in channels] == [True, True]
    assert [isinstance(channel, grpc.aio.Channel) for channel in channels] == [False, True]


# ---- channelz ----------------------------------------------------------------------------------------


def _channelz_aio(server: Any) -> None:
    channelz_pb2_grpc.add_ChannelzServicer_to_server(channelz.aio.ChannelzServicer(), server)


@pytest.mark.parametrize("build", [channelz.add_channelz_servicer, _channelz_aio])
async def test_channelz_tells_of_our_server_and_of_both_our_channels(
    serve: Serve, caller: Any, build: Any
) -> None:
    async with serve(build) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = channelz_pb2_grpc.ChannelzStub(channel)
        missing = await caller.error(stub.GetServer, channelz_pb2.GetServerRequest(server_id=1 << 40))
        assert missing.code() is grpc.StatusCode.NOT_FOUND
        found = await _servers(stub, caller, target)
        assert found, "no server listens on the target"
        assert found[0].data.calls_started >= 2
        ours = [top for top in await _top_channels(stub, caller) if target in top.data.target]
        assert ours
        assert sum(top.data.calls_started for top in ours) >= 3
        # The call that asks, and the one that is kept where coroutines use a channel; it is sent to nobody.
        counts = [top.data for top in ours]
        assert sum(each.calls_started - each.calls_succeeded - each.calls_failed for each in counts) <= 2


async def _top_channels(stub: Any, caller: Any) -> list[Any]:
    """All channels of this process, read page by page: other tests may have left some."""
    found: list[Any] = []
    start, end = 0, False
    while not end:
        request = channelz_pb2.GetTopChannelsRequest(start_channel_id=start)
        page = await caller.unary(stub.GetTopChannels, request)
        found.extend(page.channel)
        start = max((top.ref.channel_id for top in page.channel), default=start) + 1
        end = page.end
    return found


async def _servers(stub: Any, caller: Any, target: str) -> list[Any]:
    """The servers with a connection on the target, read page by page."""
    found: list[Any] = []
    start, end = 0, False
    while not end:
        page = await caller.unary(stub.GetServers, channelz_pb2.GetServersRequest(start_server_id=start))
        for server in page.server:
            start = server.ref.server_id + 1
            ask = channelz_pb2.GetServerSocketsRequest(server_id=server.ref.server_id)
            for reference in (await caller.unary(stub.GetServerSockets, ask)).socket_ref:
                request = channelz_pb2.GetSocketRequest(socket_id=reference.socket_id)
                socket = (await caller.unary(stub.GetSocket, request)).socket
                if socket.local.tcpip_address.port == int(target.rpartition(":")[2]):
                    found.append(server)
        end = page.end
    return found


# ---- client status -----------------------------------------------------------------------------------


async def test_client_status_discovery_answers(serve: Serve, caller: Any) -> None:
    csds = pytest.importorskip("grpc_csds", reason="grpcio-csds is not installed")
    from envoy.service.status.v3 import csds_pb2, csds_pb2_grpc

    async with serve(csds.add_csds_servicer) as target, grpc_bridge.insecure_channel(target) as channel:
        stub = csds_pb2_grpc.ClientStatusDiscoveryServiceStub(channel)
        request = csds_pb2.ClientStatusRequest()
        # Nothing here uses xDS, so there is nothing to tell.
        assert await caller.unary(stub.FetchClientStatus, request) == csds_pb2.ClientStatusResponse()
        assert (
            await caller.stream(stub.StreamClientStatus, iter([request] * 2), 2)
            == [csds_pb2.ClientStatusResponse()] * 2
        )
