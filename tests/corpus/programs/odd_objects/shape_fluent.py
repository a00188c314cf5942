import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Query:
    def __init__(self, stub, text=""):
        self.stub, self.text, self.seconds = stub, text, None

    def with_text(self, text):
        self.text += text
        return self

    def timeout(self, seconds):
        self.seconds = seconds
        return self

    def run(self):
        self.reply = self.stub.Ask(Request(text=self.text), timeout=self.seconds)
        return self

    def result(self):
        return self.reply.text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("fluent", Query(stub).with_text("a").timeout(10).run().with_text("b").run().result().lower())
        record("lines", (Query(stub).with_text("x").run().result()))
