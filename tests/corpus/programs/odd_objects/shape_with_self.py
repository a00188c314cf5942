import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Client:
    def __init__(self, stub):
        self.stub, self.depth = stub, 0

    def __enter__(self):
        self.depth += 1
        self.stub.Ask(Request(text="in"))
        return self.stub

    def __exit__(self, kind, error, trace):
        self.depth -= 1
        self.stub.Ask(Request(text="out"))
        return kind is not None and issubclass(kind, grpc.RpcError)

    def ask(self, text):
        with self as stub:
            with self:
                return stub.Ask(Request(text=text)).text + str(self.depth)

    def quiet(self):
        with self as stub:
            stub.Ask(Request(number=-1))
        return "swallowed"


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        client = Client(ExchangeStub(channel))
        record("ask", client.ask("a"))
        record("quiet", client.quiet())
        record("depth", client.depth)
