import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def drain(stub, start):
    found = []
    number = start
    while (reply := stub.Ask(Request(number=number))).number < 20:
        found.append(number := reply.number)
    return found, [text for name in "abc" if (text := stub.Ask(Request(text=name)).text) != "B"]


def any_of(stub, names):
    if any((found := name) and stub.Ask(Request(text=name)).text == "B" for name in names):
        return found
    return None


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        if (stub := ExchangeStub(channel)) and (first := stub.Ask(Request(text="x"))):
            record("first", first.text)
        record("drain", drain(stub, 1))
        record("any", any_of(stub, "abc"))
        record("f", f"{(value := stub.Ask(Request(text='f')).text)!r}")
        record("value", value)
