"""A handler that raises: UNKNOWN, with grpcio's text, in every arity."""

import logging
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        raise ValueError("broken")

    def Watch(self, request, context):
        yield exchange_pb2.Reply(number=1)
        raise KeyError("missing")

    def Collect(self, request_iterator, context):
        for request in request_iterator:
            raise RuntimeError(f"cannot take {request.number}")
        return exchange_pb2.Reply()

    def Talk(self, request_iterator, context):
        for _ in request_iterator:
            yield exchange_pb2.Reply()
            raise ZeroDivisionError()


def main(record):
    logging.getLogger("grpc").setLevel(logging.CRITICAL)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        try:
            stub.Ask(exchange_pb2.Request())
        except grpc.RpcError as error:
            record("unary", (error.code(), error.details()))
        try:
            for reply in stub.Watch(exchange_pb2.Request()):
                record("reply", reply)
        except grpc.RpcError as error:
            record("server streaming", (error.code(), error.details()))
        try:
            stub.Collect(iter([exchange_pb2.Request(number=3)]))
        except grpc.RpcError as error:
            record("client streaming", (error.code(), error.details()))
        try:
            for reply in stub.Talk(iter([exchange_pb2.Request()])):
                record("reply", reply)
        except grpc.RpcError as error:
            record("both streaming", (error.code(), error.details()))
    server.stop(None).wait()
