"""The context off the common path: after an abort, after the end, in callbacks; with errors of its own."""

import logging
import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "ServicerContext.abort",
    "ServicerContext.add_callback",
    "ServicerContext.is_active",
    "ServicerContext.peer",
    "ServicerContext.peer_identities",
    "ServicerContext.peer_identity_key",
    "ServicerContext.auth_context",
    "ServicerContext.set_compression",
    "ServicerContext.disable_next_message_compression",
)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, record):
        self._record = record
        self.over = threading.Event()
        self.context = None
        self.in_callback = None

    def _callback(self):
        self.in_callback = (self.context.is_active(), self.context.add_callback(self.over.clear))
        self.over.set()

    def Ask(self, request, context):
        self.context = context
        context.add_callback(self._callback)
        record = self._record
        record("peer", context.peer().startswith("ipv4:127.0.0.1:"))
        record("identities", (context.peer_identities(), context.peer_identity_key()))
        record("auth", sorted(context.auth_context()))
        record("compression", context.set_compression(grpc.Compression.Gzip))
        record("not this one", context.disable_next_message_compression())
        if request.text == "abort":
            try:
                context.abort(grpc.StatusCode.NOT_FOUND, "not here")
            except Exception:
                record("after abort", (context.code(), context.details(), context.is_active()))
                raise
        if request.text == "swallow":
            try:
                context.abort(grpc.StatusCode.NOT_FOUND, "not here")
            except Exception:
                record("swallowed", context.code())
        return exchange_pb2.Reply(text="done")

    def Watch(self, request, context):
        yield exchange_pb2.Reply(number=1)
        if request.text == "abort":
            context.abort(grpc.StatusCode.DATA_LOSS, "torn")
        if request.text == "rpc error":
            context.set_code(grpc.StatusCode.FAILED_PRECONDITION)
            raise grpc.RpcError()
        if request.text == "details":
            context.set_details(5)

    def Collect(self, request_iterator, context):
        total = sum(request.number for request in request_iterator)
        context.set_code(grpc.StatusCode.OUT_OF_RANGE)
        context.set_details(f"{total} is too much")
        raise grpc.RpcError("not this")


def main(record):
    logging.getLogger("grpc").setLevel(logging.CRITICAL)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    servicer = Exchange(record)
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        for text in ("return", "abort", "swallow"):
            servicer.over.clear()
            try:
                record(text, stub.Ask(exchange_pb2.Request(text=text), timeout=10).text)
            except grpc.RpcError as error:
                record(text, (error.code(), error.details()))
            servicer.over.wait(10)
            record("in the callback", servicer.in_callback)
            context = servicer.context
            record("after the end", (context.is_active(), context.add_callback(servicer.over.clear)))
            record("peer, later", context.peer().startswith("ipv4:127.0.0.1:"))
        for text in ("abort", "rpc error", "details"):
            try:
                for reply in stub.Watch(exchange_pb2.Request(text=text), timeout=10):
                    record("reply", reply.number)
            except grpc.RpcError as error:
                record(text, (error.code(), error.details()))
        try:
            stub.Collect(iter([exchange_pb2.Request(number=9)]), timeout=10)
        except grpc.RpcError as error:
            record("collected", (error.code(), error.details()))
    server.stop(None).wait()
