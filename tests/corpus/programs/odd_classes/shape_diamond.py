import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Base:
    def __init__(self, stub):
        self.stub = stub

    def steps(self):
        return ["base"]


class Left(Base):
    def steps(self):
        return ["left", *super().steps()]


class Right(Base):
    def steps(self):
        return [self.stub.Ask(Request(text="right")).text, *super().steps()]


class Both(Left, Right):
    def steps(self):
        return ["both", *super().steps()]


class Mixin:
    def ask(self, text):
        return "mixin " + super().ask(text)


class Plain:
    def ask(self, text):
        return text


class Remote:
    stub = None

    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text


class MixedPlain(Mixin, Plain):
    pass


class MixedRemote(Mixin, Remote):
    pass


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("both", Both(stub).steps())
        record("left", Left(stub).steps())
        Remote.stub = stub
        record("remote", MixedRemote().ask("a"))
        record("plain", MixedPlain().ask("a"))
