"""`maximum_concurrent_rpcs`: the call too many is refused, and there is room again afterwards."""

import queue
import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.started = queue.Queue()
        self.release = threading.Event()

    def Ask(self, request, context):
        self.started.put(request.number)
        self.release.wait(10)
        return exchange_pb2.Reply(number=request.number)


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), maximum_concurrent_rpcs=2)
    servicer = Exchange()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    served = [stub.Ask.future(exchange_pb2.Request(number=number)) for number in (1, 2)]
    for _ in served:
        servicer.started.get(timeout=10)
    refused = stub.Ask.future(exchange_pb2.Request(number=3))
    error = refused.exception()
    record("refused", (error.code(), error.details()))
    servicer.release.set()
    record("served", [future.result().number for future in served])

    channel.close()
    server.stop(None).wait()
