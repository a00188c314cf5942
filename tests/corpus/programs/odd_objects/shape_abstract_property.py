import abc

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Base(abc.ABC):
    @property
    @abc.abstractmethod
    def stub(self): ...

    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text


class Direct(Base):
    def __init__(self, stub):
        self._stub = stub

    @property
    def stub(self):
        return self._stub


class Lazy(Base):
    def __init__(self, channel):
        self.channel = channel
        self._made = None

    @property
    def stub(self):
        if self._made is None:
            self._made = ExchangeStub(self.channel)
        return self._made


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        record("direct", Direct(ExchangeStub(channel)).ask("a"))
        record("lazy", Lazy(channel).ask("b"))
