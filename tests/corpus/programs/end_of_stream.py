# shape: 5
# async: first last_of pairs drain main
# cuts:
"""The many ways in which code learns that a stream has ended."""

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


def first(replies, default=None):
    try:
        return next(replies).number
    except StopIteration:
        return default
    except grpc.RpcError as error:
        return error.code()


def last_of(stub, count):
    replies = stub.Watch(exchange_pb2.Request(number=count))
    last = None
    while True:
        try:
            last = next(replies)
        except StopIteration:
            break
    return last and last.number


def pairs(stub, count):
    replies = iter(stub.Watch(exchange_pb2.Request(number=count)))
    while True:
        left = next(replies, None)
        if left is None:
            return
        right = next(replies, None)
        yield left.number, right.number if right is not None else None


def drain(replies):
    count = 0
    for _ in replies:
        count += 1
    return count


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        record("first of none", first(stub.Watch(exchange_pb2.Request(number=0)), "none"))
        record("first of two", first(stub.Watch(exchange_pb2.Request(number=2))))
        record("last of five", last_of(stub, 5))
        record("last of none", last_of(stub, 0))
        record("pairs", list(pairs(stub, 5)))
        replies = stub.Watch(exchange_pb2.Request(number=4))
        record("first, then the rest", (first(replies), drain(replies)))
        record("after the end", first(replies, "ended"))
        # An iterator of another kind keeps its own end.
        numbers = iter([1])
        next(numbers)
        try:
            next(numbers)
        except StopIteration:
            record("the list ended")
