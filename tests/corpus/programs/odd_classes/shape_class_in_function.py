import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def make_client(stub, loud=False):
    class Client:
        def ask(self, text):
            return stub.Ask(Request(text=text)).text

        class Inner:
            def deep(self):
                return stub.Ask(Request(text="deep")).text

    class Loud(Client):
        def ask(self, text):
            return super().ask(text) + "!"

    return Loud() if loud else Client()


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("client", make_client(stub).ask("a"))
        record("loud", make_client(stub, loud=True).ask("b"))
        record("inner", make_client(stub).Inner().deep())
