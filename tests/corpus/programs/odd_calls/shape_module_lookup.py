import sys

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def ask_one(stub):
    return stub.Ask(Request(text="one")).text


def ask_two(stub):
    return stub.Ask(Request(text="two")).text


def by_globals(stub, name):
    return globals()[name](stub)


def by_module(stub, name):
    return getattr(sys.modules[__name__], f"ask_{name}")(stub)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("globals", by_globals(stub, "ask_" + "one"))
        record("module", by_module(stub, "two"))
