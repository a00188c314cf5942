"""A deadline that passes: unary, future and stream."""

import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.release = threading.Event()

    def Ask(self, request, context):
        self.release.wait(10)
        return exchange_pb2.Reply()

    def Watch(self, request, context):
        yield exchange_pb2.Reply(number=1)
        self.release.wait(10)


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    servicer = Exchange()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    try:
        stub.Ask(exchange_pb2.Request(), timeout=0.2)
    except grpc.RpcError as error:
        record("unary", (error.code(), error.details()))

    future = stub.Ask.future(exchange_pb2.Request(), timeout=0.2)
    try:
        future.result()
    except grpc.RpcError as error:
        record("future", (error.code(), error.details()))

    # The first reply has to come before the deadline, however slow the machine is.
    numbers, timeout = [], 0.5
    while not numbers:
        replies = stub.Watch(exchange_pb2.Request(), timeout=timeout)
        try:
            for reply in replies:
                numbers.append(reply.number)
        except grpc.RpcError as error:
            # The details say "Stream removed" or not, as the race between the two sides goes.
            code = error.code()
        timeout *= 2
    record("before the deadline", numbers)
    record("stream", code)

    servicer.release.set()
    channel.close()
    server.stop(None).wait()
