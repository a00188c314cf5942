import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Base:
    def ask(self, text):
        return self.stub.Ask(Request(text=text)).text


class Client(Base):
    stub = None

    def ask(self, text):
        return super(Client, self).ask(text) + "!"

    def typed(self):
        return type(self).ask(self, "t") + self.__class__.stub.Ask(Request(text="c")).text

    def base(self):
        return Base.ask(self, "base")


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        Client.stub = ExchangeStub(channel)
        client = Client()
        record("ask", client.ask("a"))
        record("typed", client.typed())
        record("base", client.base())
        record("unbound", Client.ask(client, "u"))
        record("map", [ask(client, "m") for ask in (Client.ask, Base.ask)])
