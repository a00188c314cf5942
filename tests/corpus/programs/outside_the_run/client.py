"""In the run."""

from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Client:
    def __init__(self, stub):
        self.stub = stub

    def ask(self, text, number=1):
        return self.stub.Ask(Request(text=text, number=number)).text

    def watch(self, number):
        return [reply.number for reply in self.stub.Watch(Request(number=number))]


def connect(channel):
    client = Client(ExchangeStub(channel))
    client.ask("hello")
    return client
