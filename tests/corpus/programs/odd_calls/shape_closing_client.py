import contextlib

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Client:
    def __init__(self, stub, log):
        self.stub, self.log = stub, log

    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text

    def close(self):
        self.log.append(self.stub.Ask(Request(text="close")).text)


def main(record):
    log = []
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        with contextlib.closing(Client(stub, log)) as client:
            record("ask", client.ask("a"))
        with contextlib.closing(grpc.insecure_channel(target)) as other:
            record("other", ExchangeStub(other).Ask(Request(text="o")).text)
        record("log", log)
