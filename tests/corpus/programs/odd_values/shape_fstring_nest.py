import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def ask(stub, text):
    return stub.Ask(Request(text=text)).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        width = 10
        record(
            "f",
            f"{ask(stub, 'a'):>{width}} {[ask(stub, t) for t in 'bc']} {ask(stub, f'{width}')!r:<{len(ask(stub, 'abc'))}}",
        )
        record("ternary", (ask if width else print)(stub, "t"))
        record("sub", {"A": 1}[ask(stub, "a")])
        record("slice", "abcdef"[len(ask(stub, "a")) : len(ask(stub, "abc"))])
        record("chained", 0 < len(ask(stub, "a")) < stub.Ask(Request(number=3)).number)
        record("lambda", (lambda: ask(stub, "l"))())
        record("not", not ask(stub, ""))
        record("default", [(lambda x=ask(stub, "d"): x)()])
        del [1, 2][len(ask(stub, "a"))]
        a = b = ask(stub, "z")
        a += ask(stub, "y")
        record("ab", (a, b))
        values = {}
        values[ask(stub, "k")] = ask(stub, "v")
        values.setdefault(ask(stub, "k2"), []).append(ask(stub, "v2"))
        record("values", values)
        assert ask(stub, "x") == "X", ask(stub, "message")
        record("star", [*ask(stub, "ab"), *(ask(stub, t) for t in "cd")])
        record("dict", {**{ask(stub, "a"): 1}, "b": ask(stub, "b")})
        record("set", sorted({ask(stub, t) for t in "aab"}))
        record("nested", [[ask(stub, u + t) for t in "ab"] for u in "cd" if ask(stub, u) != "D"])
