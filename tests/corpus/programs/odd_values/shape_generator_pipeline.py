import itertools

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def source(stub, n):
    for reply in stub.Watch(Request(text="s", number=n)):
        yield reply.number


def doubled(items):
    for item in items:
        yield item * 2


def evens(items):
    return (item for item in items if item % 2 == 0)


def batched(items, size):
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def asked(stub, items):
    for item in items:
        yield stub.Ask(Request(number=item)).number


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("doubled", list(doubled(source(stub, 3))))
        record("evens", list(evens(source(stub, 5))))
        record("plain", list(doubled([1, 2])))
        record("batched", list(batched(source(stub, 5), 2)))
        record("asked", sum(asked(stub, [1, 2, 3])))
        record("asked twice", list(asked(stub, asked(stub, range(3)))))
