import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Client:
    def __init__(self, stub):
        self.stub = stub


def make(name):
    def method(self, text):
        return getattr(self.stub, name)(Request(text=text)).text

    return method


for name in ("Ask",):
    setattr(Client, name.lower(), make(name))


def run(self):
    return self.stub.Ask(Request(text="made")).text


Made = type("Made", (Client,), {"run": run, "kind": "made"})


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("ask", Client(stub).ask("a"))
        record("made", Made(stub).run() + Made.kind)
