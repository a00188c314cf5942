import contextlib

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

LOG = []


@contextlib.contextmanager
def timed(name):
    LOG.append("start " + name)
    try:
        yield
    finally:
        LOG.append("stop " + name)


@timed("ask")
def ask(stub, text):
    return stub.Ask(Request(text=text)).text


@timed("plain")
def plain(text):
    return text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("ask", ask(stub, "a"))
        record("plain", plain("a"))
        with timed("inside"):
            record("inside", stub.Ask(Request(text="b")).text)
        record("log", LOG)
