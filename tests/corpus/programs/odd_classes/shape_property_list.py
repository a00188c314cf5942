import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Client:
    def __init__(self, stub):
        self.stub = stub
        self._limit = 2

    @property
    def texts(self):
        return [self.stub.Ask(Request(text=str(n))).text for n in range(self._limit)]

    @property
    def limit(self):
        return self._limit

    @limit.setter
    def limit(self, value):
        self._limit = self.stub.Ask(Request(number=value)).number

    @limit.deleter
    def limit(self):
        self.stub.Ask(Request(text="del"))
        self._limit = 0

    def show(self):
        return ",".join(self.texts)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        client = Client(ExchangeStub(channel))
        record("texts", client.texts)
        client.limit = 2
        record("limit", client.limit)
        record("show", client.show())
        del client.limit
        record("deleted", client.limit)
        record("ask", client.stub.Ask(Request(text="x")).text)
