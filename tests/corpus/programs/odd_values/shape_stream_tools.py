import heapq
import itertools

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def numbers(stub, n):
    for reply in stub.Watch(Request(number=n)):
        yield reply.number


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("sorted", [r.number for r in sorted(stub.Watch(Request(number=3)), key=lambda r: -r.number)])
        record("reversed", [r.number for r in reversed(list(stub.Watch(Request(number=3))))])
        record(
            "groupby",
            [
                (k, [r.number for r in g])
                for k, g in itertools.groupby(stub.Watch(Request(number=4)), key=lambda r: r.number // 2)
            ],
        )
        a, b = itertools.tee(numbers(stub, 2))
        record("tee", (list(a), list(b)))
        record("merge", list(heapq.merge(numbers(stub, 3), numbers(stub, 2))))
        record("zip", [(x, y.number) for x, y in zip(numbers(stub, 2), stub.Watch(Request(number=5)))])
        record("longest", [(x, y) for x, y in itertools.zip_longest(numbers(stub, 2), numbers(stub, 3))])
        record("any", any(r.number == 1 for r in stub.Watch(Request(number=3))))
        record("max", max(numbers(stub, 3), default=None))
        record("in", 1 in numbers(stub, 3))
        record("dict", dict((n, n) for n in numbers(stub, 2)))
        record("dict2", dict(zip("ab", numbers(stub, 2))))
        record("set", {*numbers(stub, 2)})
