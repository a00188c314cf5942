import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def join(*parts, sep="-", **more):
    return sep.join([*parts, *(f"{k}={v}" for k, v in sorted(more.items()))])


def ask(stub, text):
    return stub.Ask(Request(text=text)).text


def forward(function, *args, **kwargs):
    return function(*args, **kwargs)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("star", join(*[ask(stub, t) for t in "ab"], sep=ask(stub, "s")))
        record("double", join(**{t: ask(stub, t) for t in "cd"}))
        record("genexp", join(*(ask(stub, t) for t in "ef")))
        record("forward", forward(ask, stub, "g"))
        record("forward plain", forward(join, "x", "y", sep=forward(ask, *[stub, "h"])))
        record("stream", join(*(reply.text for reply in stub.Watch(Request(text="w", number=2)))))
        first, *rest = stub.Watch(Request(text="r", number=3))
        record("unpack", (first.number, [r.number for r in rest]))
        record("kw", forward(stub.Ask, Request(text="k"), **{"timeout": 10}).text)
