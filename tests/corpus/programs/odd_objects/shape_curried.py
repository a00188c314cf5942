import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def curried(stub):
    return lambda a: lambda b: stub.Ask(Request(text=a + b))


def adder(stub):
    def one(a):
        def two(b):
            return stub.Ask(Request(text=a + b)).text

        return two

    return one


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("def", adder(stub)("a")("b"))
        one = adder(stub)("x")
        record("kept", one("y") + one("z"))
        record("lambda", curried(stub)("c")("d").text)
