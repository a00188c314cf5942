import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Reply, Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Fake:
    def Ask(self, request, timeout=None, metadata=None):
        return Reply(text="fake")

    def Watch(self, request, timeout=None):
        for n in range(request.number):
            yield Reply(number=n)


def make(channel, testing):
    return Fake() if testing else ExchangeStub(channel)


def ask(stub, text):
    return stub.Ask(Request(text=text)).text


def watch(stub):
    return [r.number for r in stub.Watch(Request(number=2))]


class Client:
    def __init__(self, channel=None, stub=None):
        self.stub = stub or ExchangeStub(channel)

    def ask(self, text):
        return ask(self.stub, text)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        record("fake", ask(make(channel, True), "a"))
        record("real", ask(make(channel, False), "a"))
        record("watch", [watch(make(channel, testing)) for testing in (True, False)])
        record("client", [Client(channel).ask("b"), Client(stub=Fake()).ask("b")])
