import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def main(record):
    out = []
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        future = stub.Ask.future(Request(text="f"))
        future.add_done_callback(lambda f: out.append(f.result().text))
        record("result", future.result(timeout=10).text)
        futures = {t: stub.Ask.future(Request(text=t)) for t in "ab"}
        record("futures", {t: f.result().text for t, f in futures.items()})
        record("call", stub.Ask.with_call(Request(text="w"))[1].code())
        bad = stub.Ask.future(Request(number=-1))
        record("exception", bad.exception().code())
        record("done", (bad.done(), bad.cancelled()))
        method = stub.Ask.future
        record("method", method(Request(text="m")).result().text)
        record("map", [f.result().number for f in [stub.Ask.future(Request(number=n)) for n in range(3)]])
