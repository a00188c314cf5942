# shape: 19
# async: Billing.charge FakeStub.Ask main
# cuts:
"""A client class tested against a real stub, a fake written by hand, and a fake channel."""

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Billing:
    def __init__(self, stub):
        self.stub = stub

    def charge(self, name, amount):
        try:
            reply = self.stub.Ask(exchange_pb2.Request(text=name, number=amount))
        except grpc.RpcError as error:
            return f"declined: {error.details()}"
        return f"{reply.text} pays {reply.number}"


class Declined(grpc.RpcError):
    def code(self):
        return grpc.StatusCode.OUT_OF_RANGE

    def details(self):
        return "by the fake"


class FakeStub:
    """Answers as the service would, without one."""

    def __init__(self):
        self.requests = []

    def Ask(self, request, timeout=None):
        self.requests.append(request)
        if request.number < 0:
            raise Declined()
        return exchange_pb2.Reply(text=request.text.title(), number=request.number)


def main(record):
    fake = FakeStub()
    billing = Billing(fake)
    record("fake", billing.charge("ann", 3))
    record("fake, declined", billing.charge("ann", -3))
    record("requests", len(fake.requests))
    with serving() as target, grpc.insecure_channel(target) as channel:
        real = Billing(exchange_pb2_grpc.ExchangeStub(channel))
        record("real", real.charge("bob", 4))
        record("real, declined", real.charge("bob", -4))
