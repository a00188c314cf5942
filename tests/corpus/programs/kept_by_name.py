# shape: keep_sync
# async: Store.put Store.names Store.count main
# stays: Store.upload
# cuts: GB502 GB503 GB711
# keep_sync: main.Store.upload
"""A method that the user wants left alone, for others use it too; what it calls is called in its thread."""

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Store:
    def __init__(self, stub):
        self.stub = stub

    def upload(self, rows):
        return [self.put(row) for row in rows], self.stub.Collect(Request(number=n) for n in range(3)).number

    def put(self, row):
        return self.stub.Ask(Request(text=row)).text

    def names(self, number):
        for reply in self.stub.Watch(Request(text="name", number=number)):
            yield reply.text + self.put(str(reply.number))

    def count(self):
        return len(list(self.names(2)))


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        store = Store(ExchangeStub(channel))
        record("uploaded", store.upload(["a", "b"]))
        record("names", list(store.names(2)))
        record("count", store.count())
        try:
            store.upload([1])
        except TypeError:
            record("a row that is no text")
