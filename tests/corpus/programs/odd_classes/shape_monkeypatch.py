import types

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Client:
    def __init__(self, stub):
        self.stub = stub

    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text

    def twice(self, text):
        return self.ask(text) + self.ask(text)


def plain(text):
    return "plain " + text


def bound(self, text):
    return "bound " + text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        client = Client(ExchangeStub(channel))
        record("real", client.twice("a"))
        client.ask = plain
        record("plain", client.twice("b"))
        del client.ask
        client.ask = types.MethodType(bound, client)
        record("bound", client.twice("c"))
        other = Client(ExchangeStub(channel))
        original = Client.ask
        Client.ask = lambda self, text: original(self, text).lower()
        record("lower", other.twice("D"))
        Client.ask = original
        record("again", other.twice("e"))
