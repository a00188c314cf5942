import io
import logging

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

out = io.StringIO()
logger = logging.getLogger("c17")
logger.addHandler(logging.StreamHandler(out))
logger.setLevel(logging.INFO)
logger.propagate = False


class Client:
    total = 0

    def __init__(self, stub):
        self.stub = stub

    def number(self, n):
        return self.stub.Ask(Request(number=n)).number

    def run(self):
        logger.info("%s and %d", self.stub.Ask(Request(text="a")).text, self.number(2))
        self.total += self.number(3)
        Client.total += self.number(1)
        values = [0, 0]
        values[self.number(0)] += self.number(4)
        self.a, (self.b, *self.c) = self.number(5), [self.number(6), self.number(7)]
        print(*map(str, values), sep=str(self.number(1)), file=out)
        return self.total, values, self.a, self.b, self.c


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        record("run", Client(ExchangeStub(channel)).run())
        record("out", out.getvalue().split("\n"))
