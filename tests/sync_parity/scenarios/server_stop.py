"""The server's end: grace, what stop returns, wait_for_termination."""

import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.started = threading.Event()
        self.release = threading.Event()

    def Ask(self, request, context):
        self.started.set()
        self.release.wait(10)
        return exchange_pb2.Reply(text="finished")


def start(servicer):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main(record):
    servicer = Exchange()
    server, port = start(servicer)
    record("still serving", server.wait_for_termination(timeout=0.05))
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        future = stub.Ask.future(exchange_pb2.Request())
        servicer.started.wait(10)
        stopped = server.stop(grace=10)
        record("stopped at once", stopped.is_set())
        servicer.release.set()
        record("within the grace", future.result())
        record("wait", stopped.wait(10))
        record("stopped", stopped.is_set())
        record("no longer serving", server.wait_for_termination(timeout=10))

    servicer = Exchange()
    server, port = start(servicer)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        future = stub.Ask.future(exchange_pb2.Request())
        servicer.started.wait(10)
        stopped = server.stop(None)
        error = future.exception()
        record("without grace", error.code())
        servicer.release.set()
        stopped.wait(10)
        record("stopped without grace", stopped.is_set())
