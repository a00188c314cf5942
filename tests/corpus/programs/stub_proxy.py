# shape: 8
# async:
# stays: Proxy._call main
# cuts: GB702 GB706
"""`__getattr__` returns a partial around the stub's method: any method name works, with logging and a timeout."""

import functools
import logging

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc

logger = logging.getLogger(__name__)


class Proxy:
    def __init__(self, target, timeout=10):
        self._channel = grpc.insecure_channel(target)
        self._stub = exchange_pb2_grpc.ExchangeStub(self._channel)
        self._timeout = timeout
        self.log = []

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return functools.partial(self._call, name)

    def _call(self, name, text, number=0):
        self.log.append(name)
        method = self._stub.Ask if name == "ask" else getattr(self._stub, name.capitalize())
        logger.debug("%s(%r)", name, text)
        return method(exchange_pb2.Request(text=text, number=number), timeout=self._timeout)


def main(record):
    with serving() as target:
        proxy = Proxy(target)
        record("ask", proxy.ask("hello"))
        try:
            proxy.ask("hello", number=-1)
        except grpc.RpcError as error:
            record("refused", error.details())
        record("log", proxy.log)
        proxy._channel.close()
