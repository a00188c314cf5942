import contextvars
import threading

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

STUB = contextvars.ContextVar("STUB")
LOCAL = threading.local()


def ask(text):
    return STUB.get().Ask(Request(text=text)).text


def local(text):
    if not hasattr(LOCAL, "stub"):
        LOCAL.stub = STUB.get()
    return LOCAL.stub.Ask(Request(text=text)).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        token = STUB.set(ExchangeStub(channel))
        record("var", ask("a"))
        record("local", local("b"))
        record("copied", contextvars.copy_context().run(ask, "c"))
        STUB.reset(token)
        record("default", STUB.get(None) is None)
