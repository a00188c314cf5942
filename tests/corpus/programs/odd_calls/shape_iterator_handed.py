import csv
import io

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Pages:
    def __init__(self, stub, n):
        self.stub, self.n = stub, n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return [self.stub.Ask(Request(number=self.n)).number]


class Rows:
    def __init__(self, stub):
        self.stub = stub

    def __iter__(self):
        for reply in self.stub.Watch(Request(number=2, text="r")):
            yield [reply.text, reply.number]


def write(rows):
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().split()


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("pages", write(Pages(stub, 2)))
        record("rows", write(Rows(stub)))
        record("list", stub.Ask(Request(text="x")).text)
