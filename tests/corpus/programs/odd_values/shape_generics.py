from typing import Generic, Iterator, TypeVar

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Reply, Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

T = TypeVar("T")


class Repository(Generic[T]):
    def __init__(self, stub: ExchangeStub):
        self.stub = stub

    def load(self, text: str) -> T:
        return self.parse(self.stub.Ask(Request(text=text)))

    def parse(self, reply: Reply) -> T:
        raise NotImplementedError

    def all(self, number: int) -> Iterator[T]:
        for reply in self.stub.Watch(Request(number=number, text="w")):
            yield self.parse(reply)


class Texts(Repository[str]):
    def parse(self, reply: Reply) -> str:
        return reply.text


class Numbers(Repository[int]):
    def parse(self, reply: Reply) -> int:
        return reply.number + self.stub.Ask(Request(number=1)).number


class Box(Generic[T]):
    def __init__(self, value: T) -> None:
        self.value = value

    def get(self) -> T:
        return self.value


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("texts", Texts(stub).load("a"))
        record("numbers", Numbers(stub).load("a"))
        record("all", list(Texts(stub).all(2)) + [n for n in Numbers(stub).all(3)])
        box: Box[ExchangeStub] = Box(stub)
        record("box", box.get().Ask(Request(text="box")).text)
