import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def total(numbers):
    return sum(numbers)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        replies = (stub.Ask(Request(number=n)).number for n in range(3))
        record("sum", sum(replies))
        others = (stub.Ask(Request(number=n)).number for n in range(4))
        record("first", next(others))
        record("rest", list(others))
