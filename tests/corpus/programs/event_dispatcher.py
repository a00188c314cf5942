# shape: 1
# async: Session._dispatch Session.emit Session.take Session.close exchange_all main
# cuts:
"""Replies are dispatched by kind from a reader thread; the module's functions wait for theirs.

What the reader thread needs is made by `open_session`, not by a constructor.
"""

import queue
import threading
from collections import defaultdict

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Session:
    def __init__(self, stub):
        self.stub = stub
        self.requests = queue.Queue(maxsize=16)
        self.by_kind = defaultdict(queue.Queue)
        self.failure = None
        self.thread = None

    def open(self):
        replies = self.stub.Talk(iter(self.requests.get, None))
        self.thread = threading.Thread(target=self._dispatch, args=(replies,), daemon=True)
        self.thread.start()
        return self

    def _dispatch(self, replies):
        try:
            for reply in replies:
                kind, _, _ = reply.text.partition(":")
                self.by_kind[kind].put(reply)
        except grpc.RpcError as error:
            self.failure = error.code()

    def emit(self, kind, body, number=0):
        self.requests.put(Request(text=f"{kind}:{body}", number=number))

    def take(self, kind, timeout=10):
        return self.by_kind[kind.upper()].get(timeout=timeout)

    def close(self):
        self.requests.put(None)
        self.thread.join(10)


def open_session(channel):
    return Session(ExchangeStub(channel)).open()


def exchange_all(session, pairs):
    for kind, body in pairs:
        session.emit(kind, body, number=len(body))
    return [session.take(kind).text for kind, _ in pairs]


def main(record):
    with serving() as target:
        with grpc.insecure_channel(target) as channel:
            session = open_session(channel)
            record("in order", exchange_all(session, [("tick", "one"), ("log", "two"), ("tick", "three")]))
            try:
                session.take("log", timeout=0.01)
            except queue.Empty:
                record("nothing more in the log")
            session.close()
            record("failure", session.failure)

            refused = open_session(channel)
            refused.requests.put(Request(text="refuse"))
            refused.thread.join(10)
            record("refused", refused.failure)
