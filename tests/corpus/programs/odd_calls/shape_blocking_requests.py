import collections

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def asked(stub, numbers):
    for n in numbers:
        yield Request(number=stub.Ask(Request(number=n)).number)


def ping(stub, rounds):
    pending = collections.deque([Request(text="a")])
    replies = stub.Talk(iter(pending.popleft, None))
    return next(replies).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("collect", stub.Collect(asked(stub, [1, 2])).number)
        record(
            "genexp", stub.Collect(Request(number=stub.Ask(Request(number=n)).number) for n in (1, 2)).number
        )
        record("talk", [r.number for r in stub.Talk(asked(stub, [3]))])
        record(
            "nested",
            [r.number for r in stub.Talk(Request(number=r.number) for r in stub.Watch(Request(number=3)))],
        )
        record("list", stub.Collect([Request(number=1)].__iter__()).number)
