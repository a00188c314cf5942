import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Reply, Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

STUB = None
CONFIG = {"stub": None}


def ask(text):
    return STUB.Ask(Request(text=text)).text


def by_config(text):
    return CONFIG["stub"].Ask(Request(text=text)).text


class Fake:
    def Ask(self, request, timeout=None):
        return Reply(text="fake " + request.text)


def test_like(record):
    global STUB
    before, STUB = STUB, Fake()
    try:
        record("fake", ask("b"))
    finally:
        STUB = before


def main(record):
    global STUB
    with serving() as target, grpc.insecure_channel(target) as channel:
        STUB = ExchangeStub(channel)
        CONFIG["stub"] = STUB
        record("real", ask("a"))
        record("config", by_config("c"))
        test_like(record)
        record("real", ask("d"))
