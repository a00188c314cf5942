# shape: 2
# async: main
# stays: Publisher._read Publisher._renew Publisher.publish Publisher.drain
# cuts: GB503 GB703 GB704 GB706
"""A flow-control window: the reader thread and the callers share one Condition.

`publish` waits for room while it holds the condition, and makes an RPC to renew its lease inside that loop.
"""

import threading

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Publisher:
    WINDOW = 2

    def __init__(self, stub):
        self._stub = stub
        self._condition = threading.Condition()
        self._in_flight = 0
        self._acked = []
        self._pending = []
        self._done = False
        self._renewals = 0
        self._reader = threading.Thread(target=self._read, daemon=True)

    def start(self):
        self._reader.start()

    def _requests(self):
        while True:
            with self._condition:
                while not self._pending and not self._done:
                    self._condition.wait(timeout=0.5)
                if not self._pending:
                    return
                request = self._pending.pop(0)
            yield request

    def _read(self):
        for reply in self._stub.Talk(self._requests()):
            with self._condition:
                self._in_flight -= 1
                self._acked.append(reply.text)
                self._condition.notify_all()

    def _renew(self):
        reply = self._stub.Ask(exchange_pb2.Request(text="lease", number=self._renewals), timeout=10)
        self._renewals += 1
        return reply.text

    def publish(self, text):
        with self._condition:
            while self._in_flight >= self.WINDOW:
                if not self._condition.wait(timeout=5):
                    raise TimeoutError(text)
                self._renew()
            self._in_flight += 1
            self._pending.append(exchange_pb2.Request(text=text))
            self._condition.notify_all()

    def drain(self):
        with self._condition:
            self._done = True
            self._condition.notify_all()
            self._condition.wait_for(lambda: self._in_flight == 0, timeout=10)
            acked = list(self._acked)
        self._reader.join(10)
        return acked


def main(record):
    with serving() as target:
        channel = grpc.insecure_channel(target)
        publisher = Publisher(exchange_pb2_grpc.ExchangeStub(channel))
        publisher.start()
        for number in range(6):
            publisher.publish(f"m{number}")
        record("acknowledged", publisher.drain())
        channel.close()
