import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def numbers(stub, n):
    for reply in stub.Watch(Request(number=n)):
        if reply.number == 5:
            return
        yield reply.number


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        *_, last = numbers(stub, 4)
        record("last", last)
        (a, *b), c = [*numbers(stub, 3)], stub.Ask(Request(number=1)).number
        record("abc", (a, b, c))
        generator = numbers(stub, 3)
        found = []
        while True:
            try:
                found.append(next(generator))
            except StopIteration:
                break
        record("found", found)
        for i, (x, y) in enumerate(zip(numbers(stub, 2), numbers(stub, 9))):
            record(f"pair {i}", (x, y))
        x, y = numbers(stub, 2)
        record("xy", x + y)
        found[0:1] = numbers(stub, 2)
        record("slice", found)
        found += numbers(stub, 1)
        record("added", found)
        record("in", 2 in numbers(stub, 3))
        record("print", "{} {}".format(*numbers(stub, 2)))
