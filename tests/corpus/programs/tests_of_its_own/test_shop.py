"""The tests of shop.py."""

from concurrent import futures

import grpc
import grpc_testing
import pytest

from shop import Billing, Desk
from tests.corpus.peers import serving
from tests.protos import exchange_pb2
from tests.protos.exchange_pb2 import Reply, Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

EXCHANGE = exchange_pb2.DESCRIPTOR.services_by_name["Exchange"]
ASK = EXCHANGE.methods_by_name["Ask"]


@pytest.fixture(scope="module")
def target():
    with serving() as found:
        yield found


@pytest.fixture
def stub(target):
    with grpc.insecure_channel(target) as channel:
        yield ExchangeStub(channel)


@pytest.fixture
def billing(stub):
    return Billing(stub)


def test_charge(billing):
    assert billing.charge("ann", 3) == 6


def test_history(billing):
    assert billing.history(3) == [0, 1, 2]


def test_declined(billing, stub):
    assert billing.charge("ann", -3) == "OUT_OF_RANGE"
    with pytest.raises(grpc.RpcError, match="below zero"):
        stub.Ask(Request(number=-1))


def test_fake_channel():
    channel = grpc_testing.channel([EXCHANGE], grpc_testing.strict_real_time())
    billing = Billing(ExchangeStub(channel))
    with futures.ThreadPoolExecutor(1) as pool:
        charged = pool.submit(billing.charge, "bob", 4)
        metadata, request, rpc = channel.take_unary_unary(ASK)
        rpc.send_initial_metadata(())
        rpc.terminate(Reply(number=9), (), grpc.StatusCode.OK, "")
        assert charged.result() == 9
    assert request == Request(text="bob", number=4)


def test_fake_server():
    server = grpc_testing.server_from_dictionary({EXCHANGE: Desk()}, grpc_testing.strict_real_time())
    rpc = server.invoke_unary_unary(ASK, (), Request(number=5), None)
    reply, metadata, code, details = rpc.termination()
    assert (reply.number, code) == (10, grpc.StatusCode.OK)
