import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Client:
    def __init__(self, stub):
        self.stub = stub

    @property
    def ask(self):
        return self.ask_it

    @property
    def raw(self):
        return self.stub.Ask

    def ask_it(self, text):
        return self.stub.Ask(Request(text=text)).text

    def __getitem__(self, name):
        return getattr(self, name)

    @staticmethod
    def pick(client):
        return client.ask_it


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        client = Client(ExchangeStub(channel))
        record("ask", client.ask("a"))
        record("raw", client.raw(Request(text="b")).text)
        record("item", client["ask_it"]("c"))
        record("pick", Client.pick(client)("d"))
        ask = client.ask
        record("later", [ask(t) for t in "ef"])
