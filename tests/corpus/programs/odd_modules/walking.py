import grpc
from chain import total, walk

from tests.corpus.peers import serving
from tests.protos.exchange_pb2_grpc import ExchangeStub


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("walk", list(walk(stub, 3)))
        record("total", total(stub))
        found = []
        for left, right in zip(walk(stub, 2), walk(stub, 3)):
            found.append((left, right))
        record("zip", found)
