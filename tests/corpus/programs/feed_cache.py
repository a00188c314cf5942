# shape: 1
# async: FeedClient.price FeedClient.notice FeedClient.complain FeedClient.close main
# stays: FeedClient.__init__ FeedClient._receive
# cuts: GB402 GB403 GB404 GB503 GB703 GB706
"""A client that talks to a feed on a thread of its own, and hands what comes to whoever asked.

The receiver sorts replies into queues by kind; callers wait on those with a timeout. The handshake
is made by the constructor.
"""

import logging
import queue
import threading

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc

logger = logging.getLogger(__name__)

_CLOSE = object()


class HandshakeError(Exception):
    """The feed did not say welcome in time."""


class FeedClient:
    """Prices by symbol over one long-lived stream."""

    def __init__(self, stub, name, timeout=10.0):
        self._timeout = timeout
        self._outgoing = queue.Queue()
        self._prices = queue.Queue()
        self._notices = queue.Queue()
        self._closed = threading.Event()
        self._responses = stub.Talk(self._requests())
        self._receiver = threading.Thread(target=self._receive, name="feed-receiver", daemon=True)
        self._receiver.start()
        self._outgoing.put(exchange_pb2.Request(text=f"hello {name}"))
        try:
            self.welcome = self._notices.get(timeout=timeout).text
        except queue.Empty:
            raise HandshakeError(name) from None
        logger.debug("feed is open: %s", self.welcome)

    def _requests(self):
        while True:
            request = self._outgoing.get()
            if request is _CLOSE:
                return
            yield request

    def _receive(self):
        try:
            for reply in self._responses:
                if reply.number:
                    self._prices.put(reply)
                else:
                    self._notices.put(reply)
        except grpc.RpcError as error:
            self._notices.put(error)
        finally:
            self._closed.set()

    def price(self, symbol, number):
        self._outgoing.put(exchange_pb2.Request(text=symbol, number=number))
        reply = self._prices.get(timeout=self._timeout)
        return reply.text, reply.number

    def notice(self):
        return self._notices.get(timeout=self._timeout)

    def complain(self):
        self._outgoing.put(exchange_pb2.Request(text="refuse"))
        return self.notice()

    def close(self):
        self._outgoing.put(_CLOSE)
        self._closed.wait(self._timeout)
        self._receiver.join(self._timeout)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        client = FeedClient(stub, "desk 7")
        record("welcome", client.welcome)
        for symbol, number in (("aapl", 3), ("msft", 5)):
            record("price", client.price(symbol, number))
        client.close()

        failing = FeedClient(stub, "desk 8")
        record("complaint", failing.complain())
        failing.close()
        record("plain call", stub.Ask(exchange_pb2.Request(text="still here")).text)
