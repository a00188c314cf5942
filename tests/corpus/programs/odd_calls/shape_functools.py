import functools

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


@functools.singledispatch
def show(value, stub):
    return stub.Ask(Request(text=str(value))).text


@show.register
def _(value: int, stub):
    return stub.Ask(Request(number=value)).number


@show.register(list)
def _list(value, stub):
    return [show(item, stub) for item in value]


class Client:
    def __init__(self, stub):
        self.stub = stub
        self.loads = 0

    @functools.cached_property
    def title(self):
        self.loads += 1
        return self.stub.Ask(Request(text="title")).text

    @functools.lru_cache(maxsize=None)
    def price(self, name):
        self.loads += 1
        return self.stub.Ask(Request(text=name)).text

    def both(self):
        return self.title + self.title + self.price("a") + self.price("a")

    @functools.singledispatchmethod
    def put(self, value):
        return self.stub.Ask(Request(text=str(value))).text

    @put.register
    def _(self, value: int):
        return self.stub.Ask(Request(number=value)).number


@functools.cache
def cached(stub, text):
    return stub.Ask(Request(text=text)).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("show", [show("a", stub), show(2, stub), show([1, "b"], stub)])
        client = Client(stub)
        record("both", client.both())
        record("loads", client.loads)
        record("put", (client.put("x"), client.put(4)))
        record("cached", cached(stub, "q") + cached(stub, "q"))
        record("direct", stub.Ask(Request(text="direct")).text)
