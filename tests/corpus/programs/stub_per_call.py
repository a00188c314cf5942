# shape: 3
# async: call Inventory.count Inventory.names Inventory.restock main
# cuts:
"""A helper opens a channel and makes a stub for every call, as many command-line tools do."""

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2 as pb
from tests.protos import exchange_pb2_grpc as rpc

DEFAULT_TIMEOUT = 10


def call(target, method, request, timeout=DEFAULT_TIMEOUT):
    with grpc.insecure_channel(target) as channel:
        stub = rpc.ExchangeStub(channel)
        return getattr(stub, method)(request, timeout=timeout)


def make_stub(target):
    return rpc.ExchangeStub(grpc.insecure_channel(target))


class Inventory:
    def __init__(self, target):
        self.target = target

    def count(self, sku):
        return call(self.target, "Ask", pb.Request(text=sku, number=len(sku))).number

    def names(self, how_many):
        stub = make_stub(self.target)
        return [reply.text for reply in stub.Watch(pb.Request(text="sku", number=how_many))]

    def restock(self, amounts):
        return make_stub(self.target).Collect(pb.Request(number=n) for n in amounts).number


def main(record):
    with serving() as target:
        inventory = Inventory(target)
        record("count", inventory.count("bolts"))
        record("names", inventory.names(2))
        record("restocked", inventory.restock([1, 2, 3]))
        try:
            call(target, "Ask", pb.Request(number=-1))
        except grpc.RpcError as error:
            record("refused", error)
