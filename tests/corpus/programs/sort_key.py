# shape: cuts
# async: main
# stays: <lambda> Shop.price cheapest
# cuts: GB503 GB706 GB717
"""A sort key that makes an RPC for every element: `min` calls it and cannot await."""

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Shop:
    def __init__(self, stub):
        self.stub = stub

    def price(self, name):
        return self.stub.Ask(exchange_pb2.Request(text=name, number=len(name))).number


def cheapest(shop, names):
    return min(names, key=lambda name: shop.price(name))


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        shop = Shop(exchange_pb2_grpc.ExchangeStub(channel))
        record("cheapest", cheapest(shop, ["screws", "nuts"]))
        record("price", shop.price("bolts"))
