"""A server that is not there, and one that goes away."""

import socket
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        return exchange_pb2.Reply(text=request.text)


def unused_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(stub, record, name):
    try:
        record(name, stub.Ask(exchange_pb2.Request(text=name), timeout=10))
    except grpc.RpcError as error:
        record(name, error.code())


def main(record):
    with grpc.insecure_channel(f"127.0.0.1:{unused_port()}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        ask(stub, record, "nobody there")
        try:
            for reply in stub.Watch(exchange_pb2.Request(), timeout=10):
                record("unexpected", reply)
        except grpc.RpcError as error:
            record("stream to nobody", error.code())

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        ask(stub, record, "there")
        server.stop(None).wait()
        ask(stub, record, "gone")
