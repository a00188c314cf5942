# shape: 4
# async: translated.wrapper Store.get Store.put_all main
# cuts:
"""A decorator that turns gRPC's errors into the library's own, around plain methods."""

import functools

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class StoreError(Exception):
    pass


class Refused(StoreError):
    pass


class Unavailable(StoreError):
    pass


ERRORS = {
    grpc.StatusCode.OUT_OF_RANGE: Refused,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
}


def translated(method):
    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        except grpc.RpcError as error:
            raise ERRORS.get(error.code(), StoreError)(error.details()) from error
        finally:
            self.calls.append(method.__name__)

    return wrapper


class Store:
    def __init__(self, channel):
        self._stub = exchange_pb2_grpc.ExchangeStub(channel)
        self.calls = []

    @translated
    def get(self, key, number=1):
        """The value of `key`."""
        reply = self._stub.Ask(exchange_pb2.Request(text=key, number=number))
        return reply.text

    @translated
    def put_all(self, numbers):
        return self._stub.Collect(iter([exchange_pb2.Request(number=n) for n in numbers])).number


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        store = Store(channel)
        record("got", store.get("key"))
        record("name of the method", Store.get.__name__)
        try:
            store.get("key", number=-1)
        except StoreError as error:
            record(
                "translated",
                (type(error).__name__, str(error), type(error.__cause__).__mro__[1].__name__ != ""),
            )
        record("put", store.put_all(range(4)))
        record("calls", store.calls)
