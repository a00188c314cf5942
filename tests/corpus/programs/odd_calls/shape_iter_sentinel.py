import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def feed(stub, numbers):
    left = list(numbers)

    def ask():
        return stub.Ask(Request(number=left.pop(0))).number

    return [n for n in iter(ask, 8)]


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("feed", feed(stub, [1, 2, 3, 4, 5]))
        record("x", stub.Ask(Request(text="x")).text)
