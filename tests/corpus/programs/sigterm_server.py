# shape: 11
# async: Slow.Ask client main
# stays: <lambda>
# cuts: GB718
"""A server that becomes asynchronous, and a SIGTERM handler that begins its stop: who is served is answered."""

import os
import signal
import threading
import time
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Slow(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.backend = None

    def Ask(self, request, context):
        if request.text == "inner":
            return exchange_pb2.Reply(text="inner")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
        return self.backend.Ask(exchange_pb2.Request(text="inner"))


def client(target, answers):
    with grpc.insecure_channel(target) as channel:
        answers.append(exchange_pb2_grpc.ExchangeStub(channel).Ask(exchange_pb2.Request(text="work")).text)


def main():
    servicer = Slow()
    backend = grpc.server(futures.ThreadPoolExecutor(2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, backend)
    inner = backend.add_insecure_port("127.0.0.1:0")
    backend.start()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    signal.signal(signal.SIGTERM, lambda number, frame: server.stop(30))
    server.start()
    answers = []
    with grpc.insecure_channel(f"127.0.0.1:{inner}") as channel:
        servicer.backend = exchange_pb2_grpc.ExchangeStub(channel)
        thread = threading.Thread(target=client, args=(f"127.0.0.1:{port}", answers))
        thread.start()
        server.wait_for_termination()
        thread.join()
        backend.stop(None)
    print("answers", answers)


if __name__ == "__main__":
    main()
