import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Client:
    def __init__(self, **options):
        self.__dict__.update(options)

    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text


class Other:
    def __init__(self, stub):
        self.__dict__["stub"] = stub
        vars(self)["also"] = stub

    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text + self.also.Ask(Request(text=text)).text


class Third:
    def __init__(self, options):
        for name, value in options.items():
            setattr(self, name, value)

    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("client", Client(stub=stub, name="x").ask("a"))
        record("other", Other(stub).ask("b"))
        record("third", Third({"stub": stub}).ask("c"))
