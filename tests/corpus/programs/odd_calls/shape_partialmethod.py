import functools

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Client:
    def __init__(self, stub):
        self.stub = stub

    def _call(self, method, text, suffix=""):
        return getattr(self.stub, method)(Request(text=text)).text + suffix

    ask = functools.partialmethod(_call, "Ask")
    loud = functools.partialmethod(_call, "Ask", suffix="!")


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        client = Client(ExchangeStub(channel))
        record("ask", client.ask("a"))
        record("loud", client.loud("b"))
