from typing import NamedTuple, TypedDict

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Deps(TypedDict, total=False):
    stub: ExchangeStub
    name: str


class Pair(NamedTuple):
    left: ExchangeStub
    right: ExchangeStub

    def both(self, text):
        return self.left.Ask(Request(text=text)).text + self.right.Ask(Request(text=text)).text


def use(deps: Deps) -> str:
    return deps["stub"].Ask(Request(text=deps["name"])).text


def get(deps: Deps):
    if (stub := deps.get("stub")) is None:
        return None
    return stub.Ask(Request(text="get")).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("dict", use({"stub": stub, "name": "n"}))
        record("ctor", use(Deps(stub=stub, name="m")))
        record("get", [get(Deps(name="x")), get({"stub": stub})])
        pair = Pair(stub, stub)
        record("both", pair.both("p"))
        record("index", pair[1].Ask(Request(text="i")).text)
        left, right = pair._replace(right=stub)
        record("replace", right.Ask(Request(text="r")).text)
        record("loop", [each.Ask(Request(text="l")).text for each in pair])
