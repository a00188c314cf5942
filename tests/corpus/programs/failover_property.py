# shape: 3
# async: FailoverClient.ask FailoverClient.watch FailoverClient.close main
# cuts:
"""A property gives the stub of the endpoint in use; every method reaches it, and moves on when it fails."""

import logging

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc

logger = logging.getLogger(__name__)


class AllEndpointsDown(Exception):
    pass


class FailoverClient:
    def __init__(self, endpoints, timeout=5):
        self._endpoints = list(endpoints)
        self._timeout = timeout
        self._current = 0
        self._channels = {}
        self._stubs = {}

    @property
    def endpoint(self):
        return self._endpoints[self._current % len(self._endpoints)]

    @property
    def stub(self):
        if self.endpoint not in self._stubs:
            channel = grpc.insecure_channel(self.endpoint, options=[("grpc.enable_retries", 0)])
            self._channels[self.endpoint] = channel
            self._stubs[self.endpoint] = exchange_pb2_grpc.ExchangeStub(channel)
        return self._stubs[self.endpoint]

    def _fail_over(self, error):
        logger.info("%s failed with %s", self.endpoint, error.code())
        self._current += 1

    def ask(self, text):
        for _ in self._endpoints:
            try:
                return self.stub.Ask(exchange_pb2.Request(text=text), timeout=self._timeout).text
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                self._fail_over(error)
        raise AllEndpointsDown(text)

    def watch(self, number):
        for reply in self.stub.Watch(exchange_pb2.Request(number=number), timeout=self._timeout):
            yield reply.number

    def close(self):
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()


def main(record):
    with serving() as target:
        client = FailoverClient(["127.0.0.1:1", target])
        record("asked", client.ask("hello"))
        record("endpoints tried", client._current)
        record("watched", list(client.watch(3)))
        client.close()

        hopeless = FailoverClient(["127.0.0.1:1", "127.0.0.1:2"])
        try:
            hopeless.ask("hello")
        except AllEndpointsDown as error:
            record("all down", str(error))
        hopeless.close()
