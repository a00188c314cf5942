# shape: 2
# async: TokenSource._fetch TokenSource.forget TokenSource.token greet_all main
# cuts:
"""A token is fetched under a lock, once; calls beside the lock are free to be awaited."""

import threading
import time

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class TokenSource:
    """Double-checked, as the textbooks say not to."""

    def __init__(self, stub):
        self._stub = stub
        self._lock = threading.Lock()
        self._token = None
        self._expires = 0.0
        self.fetched = 0

    def token(self):
        if self._token is None or time.monotonic() > self._expires:
            with self._lock:
                if self._token is None or time.monotonic() > self._expires:
                    self._token = self._fetch()
                    self._expires = time.monotonic() + 3600
        return self._token

    def forget(self):
        with self._lock:
            self._token = None

    def _fetch(self):
        self.fetched += 1
        return self._stub.Ask(exchange_pb2.Request(text="token")).text


def greet_all(stub, source, names):
    replies = []
    for name in names:
        metadata = (("authorization", source.token()),)
        replies.append(stub.Ask(exchange_pb2.Request(text=name), metadata=metadata).text)
    return replies


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        source = TokenSource(stub)
        record("greeted", greet_all(stub, source, ["ann", "bob"]))
        source.forget()
        record("greeted again", greet_all(stub, source, ["carl"]))
        record("fetched", source.fetched)
