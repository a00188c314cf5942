import contextlib

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Pool:
    def __init__(self, channel, log):
        self.channel, self.log = channel, log

    @contextlib.contextmanager
    def borrow(self):
        stub = ExchangeStub(self.channel)
        self.log.append(stub.Ask(Request(text="borrow")).text)
        try:
            yield stub
        except grpc.RpcError as error:
            self.log.append(error.code().name)
        else:
            self.log.append("fine")
        finally:
            self.log.append("back")

    @contextlib.contextmanager
    def pair(self):
        with self.borrow() as left, self.borrow() as right:
            yield left, right


@contextlib.contextmanager
def plain(log):
    log.append("plain in")
    yield
    log.append("plain out")


def main(record):
    log = []
    with serving() as target, grpc.insecure_channel(target) as channel:
        pool = Pool(channel, log)
        with pool.pair() as (left, right), plain(log):
            record("pair", left.Ask(Request(text="l")).text + right.Ask(Request(text="r")).text)
        with pool.borrow() as stub:
            stub.Ask(Request(number=-1))
        with (
            plain(log),
            pool.borrow() as stub,
        ):
            record("in", stub.Ask(Request(text="in")).text)
        record("log", log)
