# shape: 11
# async: first_of spin main
# cuts: GB407
"""Loops that ask whether something is done, and do nothing else: they end on a loop too."""

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


def spin(stub, text):
    future = stub.Ask.future(exchange_pb2.Request(text=text))
    while not future.done():
        pass
    return future.result().text


def first_of(stub, texts):
    futures = {stub.Ask.future(exchange_pb2.Request(text=text)): text for text in texts}
    found = []
    while futures:
        for future in list(futures):
            if future.done():
                found.append((futures.pop(future), future.result().text))
    return sorted(found)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        record("spun", spin(stub, "one"))
        record("first of", first_of(stub, ["a", "b"]))
