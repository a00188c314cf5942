import abc

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Store(abc.ABC):
    @abc.abstractmethod
    def get(self, key): ...

    @property
    @abc.abstractmethod
    def name(self): ...

    def describe(self, key):
        return f"{self.name}: {self.get(key)}"

    @staticmethod
    @abc.abstractmethod
    def kind(): ...


class Remote(Store):
    name = "remote"

    def __init__(self, stub):
        self.stub = stub

    def get(self, key):
        return self.stub.Ask(Request(text=key)).text

    @staticmethod
    def kind():
        return "r"


class Local(Store):
    def __init__(self):
        self.values = {}

    @property
    def name(self):
        return "local"

    def get(self, key):
        return self.values.setdefault(key, key)

    @staticmethod
    def kind():
        return "l"


class Cached(Store):
    name = "cached"

    def __init__(self, inner: Store):
        self.inner = inner
        self.seen = {}

    def get(self, key):
        if key not in self.seen:
            self.seen[key] = self.inner.get(key)
        return self.seen[key]

    @staticmethod
    def kind():
        return "c"


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        for store in (
            Remote(ExchangeStub(channel)),
            Local(),
            Cached(Remote(ExchangeStub(channel))),
            Cached(Local()),
        ):
            record(store.kind(), store.describe("a"))
