"""What `stop` returns, waited for and asked, in every stage; a stop before the start; handlers added late."""

import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "Server.add_generic_rpc_handlers",
    "Server.stop",
    "Server.wait_for_termination",
    "StopEvent.wait",
    "StopEvent.is_set",
)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.started = threading.Event()
        self.release = threading.Event()

    def Ask(self, request, context):
        self.started.set()
        self.release.wait(10)
        return exchange_pb2.Reply(text="finished")


def twice(request, context):  # noqa: ARG001
    return request * 2


def main(record):
    servicer = Exchange()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")

    early = server.stop(None)
    record("stopped before it began", (isinstance(early, threading.Event), early.is_set()))
    record("waited for", early.wait(timeout=1))
    record("started after all", server.start())
    record("not terminated", server.wait_for_termination(timeout=0.05))

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        late = channel.unary_unary("/late.Service/Twice")
        try:
            late(b"ab", timeout=10)
        except grpc.RpcError as error:
            record("not yet", error.code())
        handler = grpc.unary_unary_rpc_method_handler(twice)
        added = server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("late.Service", {"Twice": handler}),)
        )
        record("added", added)
        record("late", late(b"ab", timeout=10))

        stub = exchange_pb2_grpc.ExchangeStub(channel)
        future = stub.Ask.future(exchange_pb2.Request(), timeout=10)
        servicer.started.wait(10)
        first = server.stop(10)
        second = server.stop(10)
        record("two stops, two events", first is second)
        record("while an RPC is in flight", (first.is_set(), second.is_set()))
        record("wait, not long enough", first.wait(timeout=0.05))
        try:
            stub.Ask(exchange_pb2.Request(), timeout=10)
        except grpc.RpcError as error:
            record("refused", error.code())
        servicer.release.set()
        record("answered", future.result().text)
        record("wait", (first.wait(timeout=10), second.wait(timeout=10)))
        record("set", (first.is_set(), second.is_set()))
    record("terminated", server.wait_for_termination(timeout=10))
    record("and again", server.wait_for_termination())
    third = server.stop(None)
    record("stopped when it had stopped", third.is_set())
    try:
        server.start()
    except ValueError as error:
        record("not started again", type(error))
