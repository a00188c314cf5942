# shape: 4
# async: guarded_stream.wrapper Reader.numbers main
# cuts:
"""A decorator around generators: errors in the middle of a stream become the library's own."""

import functools

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class StreamBroken(Exception):
    def __init__(self, code, seen):
        super().__init__(f"{code.name} after {seen}")


def guarded_stream(f):
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        seen = 0
        try:
            for item in f(*args, **kwargs):
                seen += 1
                yield item
        except grpc.RpcError as error:
            raise StreamBroken(error.code(), seen) from error

    return wrapper


class Reader:
    def __init__(self, channel):
        self.stub = exchange_pb2_grpc.ExchangeStub(channel)

    @guarded_stream
    def numbers(self, upto):
        for reply in self.stub.Watch(exchange_pb2.Request(number=upto)):
            yield reply.number


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        reader = Reader(channel)
        record("whole", list(reader.numbers(3)))
        got = []
        try:
            for number in reader.numbers(-2):
                got.append(number)
        except StreamBroken as error:
            record("broken", str(error))
        record("got before it broke", got)
