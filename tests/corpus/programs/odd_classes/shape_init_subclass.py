import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Plugin:
    registry = {}

    def __init_subclass__(cls, name=None, **kwargs):
        super().__init_subclass__(**kwargs)
        Plugin.registry[name or cls.__name__] = cls

    def __init__(self, stub):
        self.stub = stub

    def run(self):
        raise NotImplementedError


class Asks(Plugin, name="asks"):
    def run(self):
        return self.stub.Ask(Request(text="a")).text


class Plain(Plugin):
    def run(self):
        return "plain"


class Field:
    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner):
        return instance.ask(self.name)


class Record:
    title = Field()

    def __init__(self, stub):
        self.stub = stub

    def ask(self, name):
        return self.stub.Ask(Request(text=name)).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        for name in sorted(Plugin.registry):
            record(name, Plugin.registry[name](stub).run())
        record("sub", [cls(stub).run() for cls in Plugin.__subclasses__()])
        record("field", Record(stub).title)
