import grpc
import left

from tests.corpus.peers import serving
from tests.protos.exchange_pb2_grpc import ExchangeStub


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("left", left.ask(stub, 3))
        from right import ask as right_ask

        record("right", right_ask(stub, 2))
