# shape: 15
# async: Client.ask main
# stays: Client.__init__
# cuts: GB503 GB713
"""The constructor waits until the channel is ready."""

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class NotReachable(Exception):
    pass


class Client:
    def __init__(self, target, timeout=10):
        self.channel = grpc.insecure_channel(target)
        try:
            grpc.channel_ready_future(self.channel).result(timeout=timeout)
        except grpc.FutureTimeoutError:
            raise NotReachable(timeout) from None
        self.stub = exchange_pb2_grpc.ExchangeStub(self.channel)

    def ask(self, text):
        return self.stub.Ask(exchange_pb2.Request(text=text)).text


def main(record):
    with serving() as target:
        client = Client(target)
        record("asked", client.ask("hello"))
        client.channel.close()
    try:
        Client("127.0.0.1:1", timeout=0.05)
    except NotReachable as error:
        record("not reachable", error)
