import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Feed:
    def __init__(self, stub):
        self.stub = stub
        self.listeners = []

    def on_reply(self, listener):
        self.listeners.append(listener)
        return listener

    def run(self):
        for reply in self.stub.Watch(Request(number=2)):
            for listener in self.listeners:
                listener(reply.number)


def main(record):
    seen = []
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        feed = Feed(stub)

        @feed.on_reply
        def asked(number):
            seen.append(stub.Ask(Request(number=number)).number)

        @feed.on_reply
        def also(number):
            seen.append(stub.Ask(Request(text=str(number))).text)

        feed.run()
        record("seen", seen)
