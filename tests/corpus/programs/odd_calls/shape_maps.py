import functools
import itertools

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def ask(stub, text):
    return stub.Ask(Request(text=text)).text


def is_b(stub, text):
    return stub.Ask(Request(text=text)).text == "B"


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("map", list(map(stub.Ask, [Request(text="a")]))[0].text)
        record("partial map", list(map(functools.partial(ask, stub), "ab")))
        record("lambda map", [t for t in map(lambda t: ask(stub, t), "cd")])
        record("starmap", list(itertools.starmap(ask, [(stub, "e"), (stub, "f")])))
        record("filter", list(filter(functools.partial(is_b, stub), "abc")))
        record("reduce", functools.reduce(lambda a, b: a + ask(stub, b), "gh", ""))
        record("sum", sum(map(len, map(functools.partial(ask, stub), ["i", "jj"]))))
        record("join", "".join(map(lambda r: r.text, stub.Watch(Request(text="k", number=2)))))
        record("max", max(["a", "bb"], key=lambda t: len(ask(stub, t))))
