# shape: cuts
# async: main
# stays: <lambda> Price.__eq__ callback called_back in_workers plugged reduced rows text_of written
# cuts: GB406 GB503 GB701 GB702 GB703 GB705 GB716 GB720
"""Places that stay sync: what the interpreter, threads, C code and unknown code call."""

import csv
import functools
import io
from concurrent import futures

import grpc

from tests.corpus.elsewhere import apply, registered
from tests.corpus.peers import serving
from tests.protos import exchange_pb2 as pb
from tests.protos import exchange_pb2_grpc as rpc


class Price:
    def __init__(self, stub, name):
        self.stub = stub
        self.name = name

    def __eq__(self, other):
        return self.stub.Ask(pb.Request(text=self.name)).text == other

    def __hash__(self):
        return hash(self.name)


def text_of(stub, text):
    return stub.Ask(pb.Request(text=text)).text


def rows(stub):
    for name in ("a", "b"):
        yield [name, text_of(stub, name)]


def written(stub):
    out = io.StringIO()
    csv.writer(out).writerows(rows(stub))
    return out.getvalue().split()


def in_workers(stub):
    with futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(text_of, stub, "submitted")
        rest = list(pool.map(functools.partial(text_of, stub), ["mapped", "too"]))
        return [first.result(), *rest]


def reduced(stub):
    return functools.reduce(lambda before, text: before + stub.Ask(pb.Request(text=text)).text, "xyz", "")


def called_back(stub):
    def callback(text):
        return stub.Ask(pb.Request(text=text)).text

    return apply(callback, "called back")


@registered
def plugged(stub):
    return stub.Ask(pb.Request(text="plugged")).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = rpc.ExchangeStub(channel)
        record("equal", Price(stub, "one") == "ONE")
        record("written", written(stub))
        record("workers", in_workers(stub))
        record("reduced", reduced(stub))
        record("called back", called_back(stub))
        record("plugged", plugged(stub))
        record("direct", stub.Ask(pb.Request(text="direct")).text)
