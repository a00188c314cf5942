import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Traced(ExchangeStub):
    def __init__(self, channel):
        super().__init__(channel)
        self.calls = 0

    def ask(self, text):
        self.calls += 1
        return self.Ask(Request(text=text)).text


class Wrapped:
    def __init__(self, stub):
        self.stub = stub
        for name in ("Ask", "Watch"):
            setattr(self, name, getattr(stub, name))


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        traced = Traced(channel)
        record("ask", traced.ask("a") + traced.Ask(Request(text="b")).text)
        wrapped = Wrapped(ExchangeStub(channel))
        record("wrapped", wrapped.Ask(Request(text="w")).text)
        record("watch", [r.number for r in wrapped.Watch(Request(number=2))])
