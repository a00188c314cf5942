import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Replies:
    def __init__(self, stub):
        self.stub = stub

    def __iter__(self):
        return self.stub.Watch(Request(number=3))


class Pages:
    def __init__(self, stub):
        self.stub = stub

    def __iter__(self):
        return self._pages()

    def _pages(self):
        for reply in self.stub.Watch(Request(number=2, text="p")):
            yield reply.text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("replies", [r.number for r in Replies(stub)])
        found = []
        for reply in Replies(stub):
            found.append(reply.number)
        record("loop", found)
        record("pages", [p for p in Pages(stub)] + list(Pages(stub)))
