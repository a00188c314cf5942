# shape: 7
# async: Watcher.watch main
# cuts:
"""A signal handler that cancels the call that the main thread waits for."""

import os
import signal

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Watcher:
    def __init__(self, stub):
        self.stub = stub
        self.call = None
        self.seen = []

    def on_signal(self, number, frame):
        self.call.cancel()

    def watch(self):
        self.call = self.stub.Talk(endless())
        try:
            for reply in self.call:
                self.seen.append(reply.number)
                if len(self.seen) == 2:
                    os.kill(os.getpid(), signal.SIGUSR1)
        except grpc.RpcError as error:
            return error.code().name
        return "ended"


def endless():
    number = 0
    while True:
        number += 1
        yield exchange_pb2.Request(number=number)


def main():
    with serving() as target, grpc.insecure_channel(target) as channel:
        watcher = Watcher(exchange_pb2_grpc.ExchangeStub(channel))
        signal.signal(signal.SIGUSR1, watcher.on_signal)
        print(watcher.watch(), watcher.seen[:2])


if __name__ == "__main__":
    main()
