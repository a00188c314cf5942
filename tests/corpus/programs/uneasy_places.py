# shape: cuts
# async: Catalogue.price main
# stays: Catalogue.__init__ Catalogue.__contains__ Catalogue.__getitem__ Catalogue.__len__ Catalogue.size
# cuts: GB503 GB701 GB713 GB715
"""RPCs where nothing can be awaited: a property, `__init__` and other dunders."""

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Catalogue:
    def __init__(self, stub):
        self.stub = stub
        self.title = stub.Ask(exchange_pb2.Request(text="title")).text

    @property
    def size(self):
        return self.stub.Ask(exchange_pb2.Request(number=21)).number

    def __len__(self):
        return self.stub.Ask(exchange_pb2.Request(number=4)).number

    def __contains__(self, name):
        return self.stub.Ask(exchange_pb2.Request(text=name)).text != "NOTHING"

    def __getitem__(self, name):
        return self.stub.Ask(exchange_pb2.Request(text=name)).text

    def price(self, name):
        return self.stub.Ask(exchange_pb2.Request(text=name, number=len(name))).number

    def __eq__(self, other):
        return self.title == other.title

    __hash__ = None


def main(record):
    with serving() as target:
        channel = grpc.insecure_channel(target)
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        catalogue = Catalogue(stub)
        record("title", catalogue.title)
        record("size", catalogue.size)
        record("length", len(catalogue))
        record("contains", ("bolts" in catalogue, "nothing" in catalogue))
        record("any", "some" if catalogue else "none")
        if not catalogue:
            record("never")
        record("item", catalogue["nuts"])
        record("price", catalogue.price("nuts"))
        record("equal", catalogue == Catalogue(stub))
        channel.close()
