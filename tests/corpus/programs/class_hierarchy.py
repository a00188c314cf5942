# shape: hierarchy
# async: Cached.fetch Fixed.fetch Middle.prepare Remote.fetch Source.fetch main run
# cuts:
"""An abstract base, a class between, and overrides of which one makes an RPC and one only remembers."""

import abc

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Source(abc.ABC):
    @abc.abstractmethod
    def fetch(self, key):
        """The value of `key`."""

    def describe(self):
        return type(self).__name__.lower()


class Middle(Source):
    def prepare(self, keys):
        return {key: self.fetch(key) for key in keys}


class Remote(Middle):
    def __init__(self, stub):
        self.stub = stub

    def fetch(self, key):
        return self.stub.Ask(exchange_pb2.Request(text=key)).text


class Cached(Remote):
    def __init__(self, stub):
        super().__init__(stub)
        self.values = {}

    def fetch(self, key):
        if key not in self.values:
            self.values[key] = super().fetch(key)
        return self.values[key]


class Fixed(Middle):
    def fetch(self, key):
        return key * 2


def run(source, keys):
    return source.describe(), source.prepare(keys)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        for source in (Remote(stub), Cached(stub), Fixed()):
            record("prepared", run(source, ["a", "b", "a"]))
