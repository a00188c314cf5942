"""A future that is cancelled while its handler works."""

import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.started = threading.Event()
        self.ended = threading.Event()

    def Ask(self, request, context):
        context.add_callback(self.ended.set)
        self.started.set()
        self.ended.wait(10)
        return exchange_pb2.Reply()


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    servicer = Exchange()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    future = stub.Ask.future(exchange_pb2.Request())
    servicer.started.wait(10)
    record("done before", future.done())
    try:
        future.result(timeout=0.05)
    except grpc.FutureTimeoutError as error:
        record("result in time", error)
    record("cancel", future.cancel())
    try:
        future.result()
    except grpc.FutureCancelledError as error:
        record("result", error)
    try:
        future.exception()
    except grpc.FutureCancelledError as error:
        record("exception", error)
    record("done, running, cancelled", (future.done(), future.running(), future.cancelled()))
    record("code", future.code())
    record("details", future.details())
    servicer.ended.wait(10)
    record("the handler heard of it", servicer.ended.is_set())

    channel.close()
    server.stop(None).wait()
