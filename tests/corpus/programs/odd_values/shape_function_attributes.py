import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def ask(stub, text):
    ask.calls += 1
    if text not in ask.cache:
        ask.cache[text] = stub.Ask(Request(text=text)).text
    return ask.cache[text]


ask.calls = 0
ask.cache = {}


class Client:
    fetch = staticmethod(ask)
    other = ask

    def __init__(self, stub):
        self.stub = stub

    def get(self, text):
        return self.fetch(self.stub, text)

    Ask = None


also = ask
Client.third = lambda self, text: ask(self.stub, text)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("ask", ask(stub, "a") + also(stub, "a"))
        client = Client(stub)
        record("get", client.get("b"))
        record("third", client.third("c"))
        record("calls", (ask.calls, sorted(ask.cache)))
