import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

REGISTRY = {}


def registered(cls):
    REGISTRY[cls.__name__] = cls
    return cls


def counted(cls):
    original = cls.ask

    def ask(self, text):
        self.calls += 1
        return original(self, text)

    cls.ask = ask
    return cls


def named(name):
    def decorate(cls):
        cls.name = name
        REGISTRY[name] = cls
        return cls

    return decorate


@registered
@counted
class Client:
    calls = 0

    def __init__(self, stub):
        self.stub = stub

    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text


@named("other")
class Other:
    def __init__(self, stub):
        self.stub = stub

    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text + self.name


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        client = REGISTRY["Client"](stub)
        record("ask", client.ask("a"))
        record("again", Client(stub).ask("b"))
        record("calls", client.calls)
        for name, cls in sorted(REGISTRY.items()):
            record(name, cls(stub).ask("x"))
