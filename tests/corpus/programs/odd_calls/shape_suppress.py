import contextlib
import io

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class retrying(contextlib.ContextDecorator):
    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log.append("enter")
        return self

    def __exit__(self, kind, error, trace):
        self.log.append("exit")
        return kind is not None and issubclass(kind, grpc.RpcError)


LOG = []


@retrying(LOG)
def ask(stub, number):
    return stub.Ask(Request(number=number)).number


def suppressed(stub):
    with contextlib.suppress(grpc.RpcError):
        return stub.Ask(Request(number=-1)).number
    return "suppressed"


def printed(stub):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), retrying(LOG):
        print(stub.Ask(Request(text="p")).text)
    return out.getvalue()


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("ask", ask(stub, 2))
        record("refused", ask(stub, -2))
        record("suppressed", suppressed(stub))
        record("printed", printed(stub))
        record("log", LOG)
