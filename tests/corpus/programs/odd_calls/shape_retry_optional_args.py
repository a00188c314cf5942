import functools

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def retry(function=None, *, times=2):
    if function is None:
        return functools.partial(retry, times=times)

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        for attempt in range(times):
            try:
                return function(*args, **kwargs)
            except grpc.RpcError:
                if attempt + 1 == times:
                    raise

    return wrapper


@retry
def ask(stub, number):
    return stub.Ask(Request(number=number)).number


@retry(times=3)
def again(stub, number):
    return stub.Ask(Request(number=number)).number


class Client:
    def __init__(self, stub):
        self.stub = stub

    @retry
    def get(self, number):
        return ask(self.stub, number)

    def _logged(method):
        @functools.wraps(method)
        def inner(self, *args):
            self.calls = getattr(self, "calls", 0) + 1
            return method(self, *args)

        return inner

    @_logged
    def logged(self, number):
        return self.get(number)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("ask", ask(stub, 1) + again(stub, 2))
        client = Client(stub)
        record("get", client.get(3) + client.logged(4))
        record("calls", client.calls)
        try:
            again(stub, -1)
        except grpc.RpcError as error:
            record("code", error.code())
