# shape: positions
# async: safe with_finally in_with conditional comparison main
# cuts:
"""`return` of a call inside try, finally and with; calls in conditions, f-strings, chains and defaults."""

import contextlib

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc

LOG = []


def safe(stub, number):
    try:
        return stub.Ask(exchange_pb2.Request(number=number))  # the except must catch this
    except grpc.RpcError as error:
        return error.code()


def with_finally(stub):
    try:
        return stub.Ask(exchange_pb2.Request(text="x")).text
    finally:
        LOG.append("finally")


def in_with(stub):
    with contextlib.suppress(grpc.RpcError):
        return stub.Ask(exchange_pb2.Request(number=-1))
    return "suppressed"


def conditional(stub, names):
    if stub.Ask(exchange_pb2.Request(number=1)).number == 2 and names:
        names[stub.Ask(exchange_pb2.Request(number=0)).number] += stub.Ask(exchange_pb2.Request(text="!")).text
    return names[0] if not stub.Ask(exchange_pb2.Request()).text else None


def comparison(stub):
    low, *rest = [stub.Ask(exchange_pb2.Request(number=n)).number for n in range(3)]
    assert low < stub.Ask(exchange_pb2.Request(number=5)).number <= 10, "never"
    return f"{low} {rest} {stub.Ask(exchange_pb2.Request(text='f')).text!r:>6}"


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        record("good", safe(stub, 1).number)
        record("bad", safe(stub, -1))
        record("finally", (with_finally(stub), LOG))
        record("with", in_with(stub))
        record("conditions", conditional(stub, ["n"]))
        record("comparison", comparison(stub))
        record("walrus", [y for x in (1, 2) if (y := stub.Ask(exchange_pb2.Request(number=x)).number) > 2])
        record("dict", {k: stub.Ask(exchange_pb2.Request(text=k)).text for k in ("a", "b")})
        record("sorted", sorted(stub.Watch(exchange_pb2.Request(number=3)), key=lambda r: -r.number)[0].number)
