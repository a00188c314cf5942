import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def counter(stub):
    count = 0
    current = stub

    def switch(other):
        nonlocal current
        current = other

    def ask(text):
        nonlocal count
        count += 1

        def inner():
            nonlocal count
            count += 10
            return current.Ask(Request(text=text)).text

        return inner() + str(count)

    def get():
        return count

    return ask, get, switch


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        ask, get, switch = counter(ExchangeStub(channel))
        record("ask", ask("a"))
        switch(ExchangeStub(channel))
        record("ask", ask("b"))
        record("get", get())
