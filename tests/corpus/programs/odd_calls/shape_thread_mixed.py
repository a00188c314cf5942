import threading

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def ask(stub, text):
    return stub.Ask(Request(text=text)).text


def plain(stub, text):
    return text


def work(stub, out):
    for step in (ask, plain):
        out.append(step(stub, "w"))


def main(record):
    out = []
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        thread = threading.Timer(0, work, (stub, out))
        thread.start()
        thread.join()
        record("out", out)
        record("ask", ask(stub, "a") + plain(stub, "b"))
