# shape: 11
# async:
# stays: on_term run_client
# cuts: GB703 GB718
"""A daemon: `while True: time.sleep(...)`, a SIGTERM handler that stops the server and waits for it."""

import logging
import os
import signal
import threading
import time
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

logger = logging.getLogger(__name__)
ONE_DAY_IN_SECONDS = 60 * 60 * 24


class Stopped(Exception):
    pass


class Slow(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.arrived = threading.Event()
        self.go_on = threading.Event()

    def Ask(self, request, context):
        self.arrived.set()
        self.go_on.wait(10)
        time.sleep(0.01)
        return exchange_pb2.Reply(text="finished in time")


def serve(servicer):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def run_client(port, servicer, answers):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        pending = stub.Ask.future(exchange_pb2.Request(text="work"))
        servicer.arrived.wait(10)
        os.kill(os.getpid(), signal.SIGTERM)
        answers.append(pending.result().text)


def main():
    servicer = Slow()
    server, port = serve(servicer)

    def on_term(signum, frame):
        servicer.go_on.set()
        server.stop(30).wait()
        raise Stopped(signum)

    signal.signal(signal.SIGTERM, on_term)
    answers = []
    client = threading.Thread(target=run_client, args=(port, servicer, answers))
    try:
        # The signal may come before this returns.
        client.start()
        while True:
            time.sleep(ONE_DAY_IN_SECONDS)
    except Stopped as stopped:
        print("stopped by", stopped)
    client.join()
    print("answers", answers)


if __name__ == "__main__":
    main()
