# shape: 8
# async: retry Directory.lookup Directory.add main
# cuts:
"""`retry(stub.Get, request)`: the method is handed to a helper that calls it, and sleeps between attempts."""

import time

import grpc

from tests.corpus.peers import Peer, serving
from tests.protos import exchange_pb2, exchange_pb2_grpc

RETRYABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def retry(method, request, attempts=4, delay=0.001):
    for attempt in range(attempts):
        try:
            return method(request, timeout=10)
        except grpc.RpcError as error:
            if error.code() not in RETRYABLE or attempt == attempts - 1:
                raise
            time.sleep(delay * 2**attempt)


class Directory:
    def __init__(self, stub):
        self.stub = stub

    def lookup(self, name):
        return retry(self.stub.Ask, exchange_pb2.Request(text=name)).text

    def add(self, name, number):
        return retry(method=self.stub.Ask, request=exchange_pb2.Request(text=name, number=number)).number


def main(record):
    with serving(Peer(failures=2)) as target, grpc.insecure_channel(target) as channel:
        directory = Directory(exchange_pb2_grpc.ExchangeStub(channel))
        record("found", directory.lookup("ann"))
        record("added", directory.add("bob", 4))
        try:
            directory.add("carl", -1)
        except grpc.RpcError as error:
            record("refused", error)
    with serving(Peer(failures=9)) as target, grpc.insecure_channel(target) as channel:
        try:
            Directory(exchange_pb2_grpc.ExchangeStub(channel)).lookup("ann")
        except grpc.RpcError as error:
            record("gave up", error)
