"""A response stream that the client leaves early, by `cancel()`."""

import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.ended = threading.Event()

    def Watch(self, request, context):
        context.add_callback(self.ended.set)
        number = 0
        while context.is_active():
            yield exchange_pb2.Reply(number=number)
            number += 1


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    servicer = Exchange()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    replies = stub.Watch(exchange_pb2.Request())
    for reply in replies:
        record("reply", reply)
        if reply.number == 2:
            break
    record("active before", replies.is_active())
    record("cancel", replies.cancel())
    record("active after", replies.is_active())
    record("cancelled", replies.cancelled())
    try:
        next(replies)
    except grpc.RpcError as error:
        record("next", (error.code(), error.details()))
    record("code", replies.code())
    record("details", replies.details())
    servicer.ended.wait(10)
    record("the handler heard of it", servicer.ended.is_set())

    channel.close()
    server.stop(None).wait()
