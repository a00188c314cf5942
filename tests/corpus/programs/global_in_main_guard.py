# shape: 9
# async: lookup report main
# cuts:
"""A global that the main guard assigns and that functions use."""

import sys

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def lookup(word):
    return stub.Ask(Request(text=word)).text


def report(words):
    for word in words:
        print(word, "->", lookup(word))


def main(argv):
    if not argv:
        print("usage: words...", file=sys.stderr)
        return 2
    try:
        report(argv)
        stub.Ask(Request(number=-1))
    except grpc.RpcError as error:
        print("refused:", error.details())
        return 1
    return 0


if __name__ == "__main__":
    with serving() as target:
        channel = grpc.insecure_channel(target)
        stub = ExchangeStub(channel)
        status = main(["one", "two"])
        channel.close()
    print("status", status)
