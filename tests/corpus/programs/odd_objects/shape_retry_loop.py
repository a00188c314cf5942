import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def ask(stub, numbers):
    for attempt, number in enumerate(numbers):
        try:
            reply = stub.Ask(Request(number=number))
        except grpc.RpcError as error:
            if attempt == 2:
                raise
            if error.code() is not grpc.StatusCode.OUT_OF_RANGE:
                return "other"
            continue
        else:
            return stub.Ask(Request(number=reply.number)).number
        finally:
            stub.Ask(Request(text="finally"))
    return None


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("third", ask(stub, [-1, -1, 3]))
        record("none", ask(stub, [-1, -1]))
        try:
            ask(stub, [-1, -1, -1])
        except grpc.RpcError as error:
            record("raised", error.code())
