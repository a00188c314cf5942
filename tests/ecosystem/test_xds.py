"""xDS, with a control plane of the test's own: a channel by name, a server with `xds=True`, and CSDS."""

from __future__ import annotations

import pytest

from ..users.conftest import Run, run_program  # noqa: F401 - a fixture

pytest.importorskip("envoy.service.discovery.v3.ads_pb2_grpc", reason="xds-protos is not installed")

pytestmark = pytest.mark.timeout(90)  # its protos alone take a second to import

# C-core reads the way to its control plane from the environment, once: so all of it is a process of its own.
PROGRAM = """
    import asyncio, json, os, socket

    os.environ["GRPC_VERBOSITY"] = "ERROR"  # C-core tells of the resources that it gets

    from envoy.config.cluster.v3 import cluster_pb2
    from envoy.config.core.v3 import address_pb2, config_source_pb2
    from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
    from envoy.config.listener.v3 import api_listener_pb2, listener_components_pb2, listener_pb2
    from envoy.config.route.v3 import route_components_pb2, route_pb2
    from envoy.extensions.filters.http.router.v3 import router_pb2
    from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm
    from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
    from envoy.service.status.v3 import csds_pb2, csds_pb2_grpc
    from google.protobuf import any_pb2

    def reserved_port():
        # Bound but not listening, it keeps the port from others; servers of gRPC's share theirs.
        place = socket.socket()
        places.append(place)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]

    places = []
    plane_port, port = reserved_port(), reserved_port()
    os.environ["GRPC_XDS_BOOTSTRAP_CONFIG"] = json.dumps(
        {
            "xds_servers": [
                {
                    "server_uri": f"127.0.0.1:{plane_port}",
                    "channel_creds": [{"type": "insecure"}],
                    "server_features": ["xds_v3"],
                }
            ],
            "node": {"id": "tests"},
            "server_listener_resource_name_template": "server/%s",
        }
    )

    import grpc_csds
    import grpc_bridge as grpc
    from tests.conftest import AsyncEcho, Echo, stub_of
    from tests.protos import exchange_pb2_grpc
    from tests.protos.exchange_pb2 import Request

    def packed(message):
        any_ = any_pb2.Any()
        any_.Pack(message, deterministic=True)
        return any_

    def address(number):
        return address_pb2.Address(
            socket_address=address_pb2.SocketAddress(address="127.0.0.1", port_value=number)
        )

    def manager(**routes):
        router = hcm.HttpFilter(name="router", typed_config=packed(router_pb2.Router()))
        return packed(hcm.HttpConnectionManager(http_filters=[router], **routes))

    ADS = config_source_pb2.ConfigSource(ads=config_source_pb2.AggregatedConfigSource())
    EVERYTHING = route_components_pb2.RouteMatch(prefix="")
    served = route_pb2.RouteConfiguration(
        name="served",
        virtual_hosts=[
            route_components_pb2.VirtualHost(
                name="any",
                domains=["*"],
                routes=[
                    route_components_pb2.Route(
                        match=EVERYTHING, non_forwarding_action=route_components_pb2.NonForwardingAction()
                    )
                ],
            )
        ],
    )
    routed = route_pb2.RouteConfiguration(
        name="routed",
        virtual_hosts=[
            route_components_pb2.VirtualHost(
                name="any",
                domains=["*"],
                routes=[
                    route_components_pb2.Route(
                        match=EVERYTHING, route=route_components_pb2.RouteAction(cluster="shop")
                    )
                ],
            )
        ],
    )
    RESOURCES = {
        f"server/127.0.0.1:{port}": listener_pb2.Listener(
            name=f"server/127.0.0.1:{port}",
            address=address(port),
            default_filter_chain=listener_components_pb2.FilterChain(
                name="default",
                filters=[
                    listener_components_pb2.Filter(name="hcm", typed_config=manager(route_config=served))
                ],
            ),
        ),
        "shop": listener_pb2.Listener(
            name="shop",
            api_listener=api_listener_pb2.ApiListener(api_listener=manager(route_config=routed)),
        ),
    }
    CLUSTER = cluster_pb2.Cluster(
        name="shop",
        type=cluster_pb2.Cluster.EDS,
        eds_cluster_config=cluster_pb2.Cluster.EdsClusterConfig(eds_config=ADS, service_name="shop"),
    )
    ENDPOINTS = endpoint_pb2.ClusterLoadAssignment(
        cluster_name="shop",
        endpoints=[
            endpoint_components_pb2.LocalityLbEndpoints(
                locality={"region": "here"},
                load_balancing_weight={"value": 1},
                lb_endpoints=[
                    endpoint_components_pb2.LbEndpoint(
                        endpoint=endpoint_components_pb2.Endpoint(address=address(port)),
                        load_balancing_weight={"value": 1},
                    )
                ],
            )
        ],
    )

    class ControlPlane(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):
        async def StreamAggregatedResources(self, request_iterator, context):
            sent = {}
            async for request in request_iterator:
                wanted = sorted(request.resource_names)
                if request.type_url.endswith("Listener"):
                    found = [RESOURCES[name] for name in wanted]
                elif request.type_url.endswith("Cluster"):
                    found = [CLUSTER]
                else:
                    found = [ENDPOINTS]
                if request.error_detail.message:
                    print("refused", request.error_detail.message, flush=True)
                if sent.get(request.type_url) == wanted:
                    continue  # an acknowledgement
                sent[request.type_url] = wanted
                yield discovery_pb2.DiscoveryResponse(
                    version_info=str(len(sent)),
                    nonce=str(len(wanted)),
                    type_url=request.type_url,
                    resources=[packed(each) for each in found],
                )

    async def main():
        plane = grpc.server()
        ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(ControlPlane(), plane)
        plane.add_insecure_port(f"127.0.0.1:{plane_port}")
        await plane.start()

        server = grpc.server(xds=True)
        exchange_pb2_grpc.add_ExchangeServicer_to_server(AsyncEcho(), server)
        grpc_csds.add_csds_servicer(server)
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()

        async with grpc.insecure_channel("xds:///shop") as channel:
            stub = stub_of(channel)
            print((await stub.Ask(Request(text="async"), timeout=20, wait_for_ready=True)).text)
            print([r.number async for r in stub.Watch(Request(number=3), timeout=20)])
            print((await asyncio.to_thread(stub.Ask, Request(text="sync"), timeout=20)).text)
            status = csds_pb2_grpc.ClientStatusDiscoveryServiceStub(channel)
            told = await status.FetchClientStatus(csds_pb2.ClientStatusRequest(), timeout=20)
            resources = [each for client in told.config for each in client.generic_xds_configs]
            kinds = {each.type_url.rpartition(".")[2] for each in resources}
            print(sorted(kinds))
        await server.stop(None)
        await plane.stop(None)

    asyncio.run(main())
    for place in places:
        place.close()
"""


def test_a_channel_and_a_server_find_each_other(run_program: Run) -> None:  # noqa: F811 - the fixture
    told = run_program(PROGRAM, timeout=75)
    assert told.splitlines() == [
        "ASYNC",
        "[0, 1, 2]",
        "SYNC",
        "['Cluster', 'ClusterLoadAssignment', 'Listener']",
    ]
