import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def head(stream, n):
    found = []
    for reply in stream:
        found.append(reply.number)
        if len(found) == n:
            break
    return found


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        stream = stub.Watch(Request(number=5))
        record("first", next(stream).number)
        record("head", head(stream, 2))
        record("rest", [r.number for r in stream])
        record("end", next(stream, None))
        other = iter(stub.Watch(Request(number=1)))
        record("iter", next(other).number)
        try:
            next(other)
        except StopIteration:
            record("stopped", True)
        call = stub.Watch(Request(number=100))
        next(call)
        call.cancel()
        record("code", call.code())
