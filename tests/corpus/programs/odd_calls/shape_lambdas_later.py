import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        jobs = [lambda t=t: stub.Ask(Request(text=t)) for t in "ab"]
        jobs.append(lambda: stub.Ask(Request(text="last")))
        record("jobs", [job().text for job in jobs])
        table = {"up": lambda t: stub.Ask(Request(text=t)).text, "none": lambda t: t}
        record("table", [f("x") for f in table.values()])
        record("now", (lambda s: s.Ask(Request(text="now")).text)(stub))
