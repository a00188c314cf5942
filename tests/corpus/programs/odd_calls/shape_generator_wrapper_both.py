import functools

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def guarded(function):
    @functools.wraps(function)
    def wrapper(*args):
        try:
            for item in function(*args):
                yield item
        except grpc.RpcError as error:
            yield error.code().name

    return wrapper


@guarded
def numbers(stub, number):
    for reply in stub.Watch(Request(number=number)):
        yield reply.number


@guarded
def plain(number):
    for n in range(number):
        yield n


@guarded
def listed(stub):
    return [stub.Ask(Request(number=n)).number for n in range(3)]


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("numbers", list(numbers(stub, 3)))
        record("lost", [n for n in numbers(stub, -2)])
        record("plain", list(plain(3)))
        record("listed", list(listed(stub)))
        record("mixed", [(a, b) for a in numbers(stub, 2) for b in plain(2)])
