# shape: 6
# async: PingPong.say main
# cuts:
"""Ping-pong over an iterator class that blocks on a Condition; `__del__` closes the stream."""

import collections
import threading

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Pipe:
    """An iterator that others add to."""

    def __init__(self):
        self._condition = threading.Condition()
        self._values = collections.deque()
        self._open = True

    def __iter__(self):
        return self

    def __next__(self):
        with self._condition:
            while not self._values and self._open:
                self._condition.wait()
            if self._values:
                return self._values.popleft()
            raise StopIteration

    def add(self, value):
        with self._condition:
            if self._open:
                self._values.append(value)
                self._condition.notify()

    def close(self):
        with self._condition:
            self._open = False
            self._condition.notify()


class PingPong:
    def __init__(self, stub):
        self._pipe = Pipe()
        self._responses = stub.Talk(self._pipe)

    def say(self, text):
        self._pipe.add(exchange_pb2.Request(text=text))
        response = next(self._responses)
        return response.text

    def hang_up(self):
        self._pipe.close()

    def __del__(self):
        self._pipe.close()


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        talk = PingPong(stub)
        for text in ("ping", "pong"):
            record("said", talk.say(text))
        talk.hang_up()
        try:
            talk.say("anybody?")
        except StopIteration:
            record("it is over")
        except grpc.RpcError as error:
            record("it failed", error.code())
