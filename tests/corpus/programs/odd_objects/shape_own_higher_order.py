import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def apply(function, *args):
    return function(*args)


def each(function, items):
    return [function(item) for item in items]


class Client:
    def __init__(self, stub):
        self.stub = stub

    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text


def compose(*functions):
    def composed(value):
        for function in functions:
            value = function(value)
        return value

    return composed


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        client = Client(ExchangeStub(channel))
        record("apply", apply(client.ask, "a"))
        record("each", each(client.ask, "bc"))
        record("compose", compose(client.ask, client.ask)("d"))
