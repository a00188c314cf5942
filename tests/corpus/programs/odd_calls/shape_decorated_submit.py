import functools
from concurrent.futures import ThreadPoolExecutor

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        calls.append(function.__name__)
        return function(*args)

    return wrapper


calls = []


@logged
def ask(stub, text):
    return stub.Ask(Request(text=text)).text


@logged
def plain(text):
    return text


def in_pool(stub):
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(ask, stub, t) for t in "ab"]
        return sorted(f.result() for f in futures)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("pool", in_pool(stub))
        record("ask", ask(stub, "x") + plain("y"))
        record("calls", sorted(calls))
