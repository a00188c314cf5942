import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Node:
    def __init__(self, name, *children):
        self.name = name
        self.children = children

    def walk(self, stub):
        yield stub.Ask(Request(text=self.name)).text
        for child in self.children:
            yield from child.walk(stub)

    def depth(self, stub):
        return 1 + max(
            (child.depth(stub) for child in self.children), default=stub.Ask(Request(number=1)).number
        )

    def total(self, stub):
        return stub.Ask(Request(number=1)).number + sum(child.total(stub) for child in self.children)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        tree = Node("a", Node("b", Node("c")), Node("d"))
        record("walk", list(tree.walk(stub)))
        record("joined", "".join(tree.walk(stub)))
        record("depth", tree.depth(stub))
        record("total", tree.total(stub))
