import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Ask:
    def __init__(self, stub):
        self.stub = stub

    def __call__(self, text):
        return self.stub.Ask(Request(text=text)).text


class Twice(Ask):
    def __call__(self, text):
        return super().__call__(text) + super().__call__(text)


class Pipeline:
    def __init__(self, *steps):
        self.steps = steps

    def __call__(self, text):
        for step in self.steps:
            text = step(text)
        return text


def lower(text):
    return text.lower()


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        ask, twice = Ask(stub), Twice(stub)
        record("ask", ask("a"))
        record("twice", twice("b"))
        record("dunder", twice.__call__("c"))
        record("mixed", Pipeline(ask, lower, twice)("d"))
        record("same", Pipeline(ask, twice)("e"))
        record("callable", callable(ask))
        record("map", [one(text) for one, text in zip((ask, twice), "xy")])
