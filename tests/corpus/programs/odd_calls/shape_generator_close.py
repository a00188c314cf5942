import contextlib

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def items(stub, log):
    try:
        for reply in stub.Watch(Request(number=5)):
            yield reply.number
    finally:
        log.append(stub.Ask(Request(text="closed")).text)


def first(stub, log):
    with contextlib.closing(items(stub, log)) as found:
        for item in found:
            if item == 2:
                return item
    return None


def taken(stub, log):
    generator = items(stub, log)
    one = next(generator)
    generator.close()
    return one


def main(record):
    log = []
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("first", first(stub, log))
        record("taken", taken(stub, log))
        record("log", log)
        record("direct", stub.Ask(Request(text="x")).text)
