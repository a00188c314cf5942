from dataclasses import dataclass, field

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


@dataclass
class Client:
    stub: ExchangeStub
    title: str = ""
    texts: list = field(default_factory=list)

    def __post_init__(self):
        self.title = self.stub.Ask(Request(text="title")).text
        self.refresh()

    def refresh(self):
        self.texts = [r.text for r in self.stub.Watch(Request(text="t", number=2))]

    @classmethod
    def create(cls, channel):
        client = cls(ExchangeStub(channel))
        client.refresh()
        return client


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        client = Client.create(channel)
        record("title", client.title)
        record("texts", client.texts)
        client.refresh()
        record("other", Client(client.stub).title)
