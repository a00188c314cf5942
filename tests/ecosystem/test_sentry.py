"""Sentry's grpc integration, as published: it sees the calls of our channels and the handlers of our servers.

It is switched on for a whole process and cannot be switched off, so each test is a process of its own. It
looks at unary calls and streams of responses on the client's side, and at unary handlers on the server's.
"""

from __future__ import annotations

import pytest

from ..users.conftest import Run, run_program  # noqa: F401 - a fixture

pytest.importorskip("sentry_sdk", reason="sentry-sdk is not installed")

PROGRAM = """
    import asyncio, sys
    import grpc_bridge
    import grpc_bridge.aio
    import sentry_sdk
    from sentry_sdk.integrations.grpc import GRPCIntegration
    from sentry_sdk.transport import Transport
    from tests.conftest import AsyncEcho, Echo, stub_of
    from tests.protos import exchange_pb2_grpc
    from tests.protos.exchange_pb2 import Request

    namespace = {"grpc_bridge": grpc_bridge, "grpc_bridge.aio": grpc_bridge.aio}[sys.argv[1]]
    servicer = {"sync": Echo, "async": AsyncEcho}[sys.argv[2]]()
    clients = sys.argv[3:]
    transactions = []

    class Kept(Transport):
        def capture_envelope(self, envelope):
            transactions.extend(item.payload.json for item in envelope.items if item.type == "transaction")

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1",
        transport=Kept,
        traces_sample_rate=1.0,
        integrations=[GRPCIntegration()],
        default_integrations=False,
        auto_enabling_integrations=False,
    )

    def in_thread(stub):
        with sentry_sdk.start_transaction(name="sync client"):
            assert stub.Ask(Request(text="a"), timeout=20).text == "A"
            assert len(list(stub.Watch(Request(number=2), timeout=20))) == 2
            assert stub.Collect(iter([Request(number=2)]), timeout=20).number == 2
            assert len(list(stub.Talk(iter([Request(number=2)]), timeout=20))) == 1

    async def in_coroutine(stub):
        with sentry_sdk.start_transaction(name="async client"):
            assert (await stub.Ask(Request(text="a"), timeout=20)).text == "A"
            assert len([reply async for reply in stub.Watch(Request(number=2), timeout=20)]) == 2
            assert (await stub.Collect([Request(number=2)], timeout=20)).number == 2
            assert len([reply async for reply in stub.Talk([Request(number=2)], timeout=20)]) == 1

    async def main():
        server = namespace.server()
        exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with namespace.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = stub_of(channel)
            if "thread" in clients:
                await asyncio.to_thread(in_thread, stub)
            if "coroutine" in clients:
                await in_coroutine(stub)
        await server.stop(20)

    asyncio.run(main())
    for transaction in sorted(transactions, key=lambda each: each["transaction"]):
        spans = [span["description"].rpartition("/")[2] for span in transaction["spans"]]
        print(transaction["transaction"].rpartition("/")[2], *spans)
"""


@pytest.mark.parametrize("servicer", ["sync", "async"])
def test_on_the_namespace_of_grpc(run_program: Run, servicer: str) -> None:  # noqa: F811 - the fixture
    told = run_program(PROGRAM, "grpc_bridge", servicer, "thread", "coroutine")
    assert told.splitlines() == ["Ask", "Ask", "async client Ask Watch", "sync client Ask Watch"]
