import functools
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Ask:
    def __init__(self, stub, log):
        self.stub = stub
        self.log = log

    def __call__(self, text="none"):
        self.log.append(self.stub.Ask(Request(text=text)).text)
        return self.log[-1]


def run(stub, log):
    ask = Ask(stub, log)
    thread = threading.Thread(target=ask, args=("thread",))
    thread.start()
    thread.join()
    with ThreadPoolExecutor() as pool:
        pool.submit(ask, "pool").result()
    return functools.partial(ask, "partial")()


def main(record):
    log = []
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("run", run(stub, log))
        record("log", log)
        record("direct", Ask(stub, log)("x"))
