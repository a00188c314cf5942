import threading

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

STUBS = {}
LOCK = threading.Lock()


def get_stub(target):
    if target not in STUBS:
        with LOCK:
            if target not in STUBS:
                STUBS[target] = ExchangeStub(grpc.insecure_channel(target))
    return STUBS[target]


def ask(target, text):
    return get_stub(target).Ask(Request(text=text)).text


def main(record):
    with serving() as target:
        record("ask", ask(target, "a") + ask(target, "b"))
