# shape: 11
# async: submit main
# stays: goodbye
# cuts: GB502 GB719
"""A last RPC is made when the interpreter exits; the channel is a global."""

import atexit

import grpc

from tests.corpus.peers import serving_elsewhere
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def submit(stub, text):
    return stub.Ask(Request(text=text), timeout=5).text


def goodbye(stub, peer):
    print("at exit:", submit(stub, "goodbye"))
    peer.__exit__(None, None, None)


def main():
    peer = serving_elsewhere()
    target = peer.__enter__()
    stub = ExchangeStub(grpc.insecure_channel(target))
    atexit.register(goodbye, stub, peer)
    print("main:", submit(stub, "hello"))


if __name__ == "__main__":
    main()
