# shape: 7
# async: _as_completed _limited ask by_future timed as_keys main
# cuts:
"""Futures that are keys: what belongs to each is looked up when it is done. And waits that end before they are."""

import concurrent.futures
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

import grpc

from tests.corpus.peers import Peer, serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Gate(Peer):
    """Answers what is late when it has been asked to open."""

    def __init__(self):
        super().__init__()
        self.opened = threading.Event()

    def Ask(self, request, context):
        if request.text == "open":
            self.opened.set()
        if request.text == "late":
            self.opened.wait(10)
        return super().Ask(request, context)


def ask(stub, text, number=0):
    return stub.Ask(exchange_pb2.Request(text=text, number=number)).text


def by_future(stub, numbers):
    found = {}
    with ThreadPoolExecutor(max_workers=3) as pool:
        futures = {pool.submit(ask, stub, text, number): text for text, number in numbers.items()}
        for future in as_completed(futures):
            text = futures[future]
            try:
                found[text] = future.result()
            except grpc.RpcError as error:
                found[text] = error.code()
        done = dict((futures[future], future.exception() is None) for future in as_completed(futures))
    return sorted(found.items()), sorted(done.items())


def timed(stub):
    seen = []
    with ThreadPoolExecutor() as pool:
        late = pool.submit(ask, stub, "late")
        try:
            seen.append(late.result(timeout=0.05))
        except concurrent.futures.TimeoutError:
            seen.append("not yet")
        opener = pool.submit(ask, stub, "open")
        seen.append(opener.result(timeout=10))
        seen.append(late.result())
    return seen


def as_keys(stub, texts):
    calls = {stub.Ask.future(exchange_pb2.Request(text=text)): text for text in texts}
    return [(text, call.result(timeout=10).text, call.code()) for call, text in calls.items()]


def main(record):
    with serving(Gate()) as target, grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        record("by future", by_future(stub, {"a": 1, "b": 2, "bad": -1, "c": 3}))
        record("timed", timed(stub))
        record("as keys", as_keys(stub, ["x", "y"]))
