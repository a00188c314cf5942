import grpc

from tests.corpus.elsewhere import apply
from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def handle(value):
    if isinstance(value, ExchangeStub):
        return value.Ask(Request(text="stub")).text
    return str(value)


def other(value):
    if not isinstance(value, ExchangeStub):
        return None
    assert isinstance(value, ExchangeStub)
    return value.Ask(Request(text="other")).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("handle", apply(handle, stub))
        record("other", apply(other, stub))
        record("direct", stub.Ask(Request(text="d")).text)
