import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        calls = [(stub.Ask, Request(text="a"), {}), (stub.Ask, Request(text="b"), {"timeout": 10})]
        record("tuples", [method(request, **options).text for method, request, options in calls])
        table = {"ask": (stub.Ask, Request(text="t")), "same": (stub.Ask, Request(text="u"))}
        for name in sorted(table):
            method, request = table[name]
            record(name, method(request).text)
        methods = dict(zip(("one", "two"), (stub.Ask, stub.Ask)))
        record("zip", methods["one"](request=Request(text="z")).text)
        (method, _), *_ = table.values()
        record("first", method(Request(text="f")).text)
