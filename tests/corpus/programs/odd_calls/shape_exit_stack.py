import contextlib

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


@contextlib.contextmanager
def held(stub, name, log):
    log.append(stub.Ask(Request(text="open " + name)).text)
    try:
        yield name
    finally:
        log.append(stub.Ask(Request(text="close " + name)).text)


class Session:
    def __init__(self, stub, log):
        self.stub = stub
        self.log = log

    def __enter__(self):
        self.log.append(self.stub.Ask(Request(text="in")).text)
        return self

    def __exit__(self, *error):
        self.log.append(self.stub.Ask(Request(text="out")).text)


def use(stub, log, names):
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(held(stub, name, log)) for name in names]
        stack.enter_context(Session(stub, log))
        stack.callback(log.append, "callback")
        return opened


def channel_in_stack(target):
    with contextlib.ExitStack() as stack:
        channel = stack.enter_context(grpc.insecure_channel(target))
        stub = ExchangeStub(channel)
        return stub.Ask(Request(text="stacked")).text


def main(record):
    log = []
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("opened", use(stub, log, ["a", "b"]))
        record("log", log)
        record("stacked", channel_in_stack(target))
