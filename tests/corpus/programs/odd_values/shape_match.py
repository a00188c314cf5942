from dataclasses import dataclass

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Reply, Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


@dataclass
class Ask:
    stub: ExchangeStub
    text: str


@dataclass
class Watch:
    stub: ExchangeStub
    number: int


def run(job):
    match job:
        case Ask(stub=stub, text=text) if stub.Ask(Request(text=text)).text.startswith("A"):
            return stub.Ask(Request(text=text + "!")).text
        case Ask(stub, text):
            return "not a: " + stub.Ask(Request(text=text)).text
        case Watch(stub=s, number=number):
            return [reply.number for reply in s.Watch(Request(number=number))]
        case {"stub": stub, **rest}:
            return stub.Ask(Request(text=",".join(rest))).text
        case [ExchangeStub() as first, *others]:
            return first.Ask(Request(text=str(len(others)))).text
        case (ExchangeStub() | None) as single:
            return single and single.Ask(Request(text="single")).text
        case _:
            return "nothing"


def kind(stub, text):
    match stub.Ask(Request(text=text)):
        case Reply(text="ONE"):
            return 1
        case Reply(text=other):
            return other


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("ask", run(Ask(stub, "abc")))
        record("ask b", run(Ask(stub, "bcd")))
        record("watch", run(Watch(stub, 3)))
        record("mapping", run({"stub": stub, "a": 1, "b": 2}))
        record("sequence", run([stub, 1, 2]))
        record("single", run(stub))
        record("none", run(None))
        record("other", run(5))
        record("kind", [kind(stub, "one"), kind(stub, "two")])
