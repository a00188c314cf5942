import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Proxy:
    def __init__(self, inner):
        self._inner = inner
        self.calls = 0

    def __getattr__(self, name):
        return getattr(self._inner, name)


class Lazy:
    def __init__(self, make):
        self.make = make
        self.value = None

    def __getattr__(self, name):
        if self.value is None:
            self.value = self.make()
        return getattr(self.value, name)


class Client:
    def __init__(self, stub):
        self.stub = stub

    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = Proxy(ExchangeStub(channel))
        record("proxy", stub.Ask(Request(text="p")).text)
        client = Proxy(Client(ExchangeStub(channel)))
        record("client", client.ask("c"))
        lazy = Lazy(lambda: ExchangeStub(channel))
        record("lazy", lazy.Ask(Request(text="l")).text)
