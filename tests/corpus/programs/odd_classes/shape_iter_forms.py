import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Pages:
    def __init__(self, stub):
        self.stub = stub

    def __iter__(self):
        return self._pages()

    def _pages(self):
        for reply in self.stub.Watch(Request(number=2, text="p")):
            yield reply.text


class Fetched:
    def __init__(self, stub):
        self.stub = stub

    def fetch(self):
        return [self.stub.Ask(Request(text="f")).text]

    def __iter__(self):
        return iter(self.fetch())


class Whole:
    def __init__(self, stub):
        self.stub = stub

    def __iter__(self):
        return iter([1, 2])

    def first(self):
        return self.stub.Ask(Request(number=next(iter(self)))).number


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("pages", [p for p in Pages(stub)])
        record("fetched", list(Fetched(stub)))
        record("whole", (Whole(stub).first(), list(Whole(stub))))
