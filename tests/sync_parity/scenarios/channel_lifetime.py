"""The channel as a context manager, closing, and use after that."""

import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.release = threading.Event()

    def Ask(self, request, context):
        return exchange_pb2.Reply(text=request.text)

    def Watch(self, request, context):
        yield exchange_pb2.Reply(number=1)
        self.release.wait(10)


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    servicer = Exchange()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    target = f"127.0.0.1:{port}"

    with grpc.insecure_channel(target) as channel:
        grpc.channel_ready_future(channel).result(timeout=10)
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        record("inside", stub.Ask(exchange_pb2.Request(text="in")))
        replies = stub.Watch(exchange_pb2.Request())
        record("stream inside", next(replies))
    record("stream ended by close", replies.code())
    try:
        stub.Ask(exchange_pb2.Request(text="out"))
    except ValueError as error:
        record("unary after close", error)
    try:
        stub.Watch(exchange_pb2.Request())
    except ValueError as error:
        record("stream after close", error)

    channel = grpc.insecure_channel(target)
    stub = exchange_pb2_grpc.ExchangeStub(channel)
    record("another channel", stub.Ask(exchange_pb2.Request(text="again")))
    channel.close()
    channel.close()
    record("closed twice")

    servicer.release.set()
    server.stop(None).wait()
