import operator

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Client:
    def __init__(self, stub):
        self.stub = stub

    def ask(self, text="m"):
        return self.stub.Ask(Request(text=text)).text

    def name(self):
        return "name"


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        client = Client(ExchangeStub(channel))
        record("caller", operator.methodcaller("ask", "a")(client))
        record("getter", operator.attrgetter("ask")(client)("b"))
        record("stub", operator.attrgetter("stub.Ask")(client)(Request(text="c")).text)
        record("mapped", list(map(operator.methodcaller("ask"), [client])))
        record("direct", client.ask("d"))
