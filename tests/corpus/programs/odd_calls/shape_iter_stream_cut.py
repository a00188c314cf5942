import csv
import io

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Replies:
    def __init__(self, stub):
        self.stub = stub

    def __iter__(self):
        return self.stub.Watch(Request(number=3))


def write(stub):
    out = io.StringIO()
    csv.writer(out).writerows([r.number] for r in Replies(stub))
    return out.getvalue().split()


def other(stub):
    return [r.number for r in Replies(stub)]


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("write", write(stub))
        record("other", other(stub))
        record("x", stub.Ask(Request(text="x")).text)
