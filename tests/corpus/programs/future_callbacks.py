# shape: 7
# async: fan_out main
# cuts: GB402 GB404
"""`.future()` with callbacks that look at what came, on success and on failure."""

import logging
import threading

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc

logger = logging.getLogger(__name__)


class Tally:
    def __init__(self, expected):
        self._lock = threading.Lock()
        self._left = expected
        self.done = threading.Event()
        self.results = []
        self.errors = []

    def on_done(self, future):
        error = future.exception()
        with self._lock:
            if error is None:
                self.results.append(future.result().number)
            else:
                self.errors.append((future.code(), future.details()))
            self._left -= 1
            if self._left == 0:
                self.done.set()


def fan_out(stub, numbers):
    tally = Tally(len(numbers))
    futures = []
    for number in numbers:
        future = stub.Ask.future(exchange_pb2.Request(number=number), timeout=10)
        future.add_done_callback(tally.on_done)
        futures.append(future)
    for future in futures:
        try:
            future.result()
        except grpc.RpcError as error:
            logger.info("one failed: %s", error.details())
    tally.done.wait(10)
    return sorted(tally.results), tally.errors


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        record("all", fan_out(stub, [1, 2, 3]))
        record("one bad", fan_out(stub, [1, -1]))
        seen = []
        future = stub.Ask.future(exchange_pb2.Request(text="late"))
        record("result", future.result().text)
        future.add_done_callback(lambda f: seen.append((f.result().text, f.code())))
        record("a callback on what is done", seen)
