import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def ask(stub, text):
    reply = stub.Ask(Request(text=text))
    text = reply.text
    reply = text.lower()
    for stub in (stub,):
        text += stub.Ask(Request(text="s")).text
    stub = len(text)
    return reply, text, stub.bit_length()


def two(stub):
    value = stub
    first = value.Ask(Request(text="a")).text
    value = first
    value = value.title()
    list = [n for n in range(2)]
    return value, list


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("ask", ask(stub, "a"))
        record("two", two(stub))
