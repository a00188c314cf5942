# shape: 15
# async: Connection.wait_ready Connection.ask main
# cuts:
"""Reconnect logic on `channel.subscribe`, and `channel_ready_future` in a loop with a deadline."""

import threading

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Connection:
    def __init__(self, target):
        self._channel = grpc.insecure_channel(target)
        self._stub = exchange_pb2_grpc.ExchangeStub(self._channel)
        self._lock = threading.Lock()
        self.states = []
        self._channel.subscribe(self._on_state, try_to_connect=True)

    def _on_state(self, state):
        with self._lock:
            if state not in self.states:
                self.states.append(state)

    def wait_ready(self, attempts=3, timeout=5.0):
        for attempt in range(attempts):
            try:
                grpc.channel_ready_future(self._channel).result(timeout=timeout)
                return True
            except grpc.FutureTimeoutError:
                if attempt == attempts - 1:
                    return False

    def ask(self, text):
        return self._stub.Ask(exchange_pb2.Request(text=text)).text

    def close(self):
        # Not the channel too: a thread of grpcio's may still look at it, and dies of that.
        self._channel.unsubscribe(self._on_state)


def main(record):
    with serving() as target:
        connection = Connection(target)
        record("ready", connection.wait_ready())
        record("asked", connection.ask("hi"))
        record("was ready", grpc.ChannelConnectivity.READY in connection.states)
        connection.close()
    unreachable = Connection("127.0.0.1:1")
    record("not ready", unreachable.wait_ready(attempts=2, timeout=0.05))
    unreachable.close()
