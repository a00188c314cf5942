import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def find(stub, wanted):
    for reply in stub.Watch(Request(number=4)):
        if reply.number == wanted:
            break
    else:
        return "none " + stub.Ask(Request(text="else")).text
    while stub.Ask(Request(number=1)).number > 2:
        pass
    else:
        wanted += stub.Ask(Request(number=wanted)).number
    return wanted


class Failed(Exception):
    def __init__(self, stub, text):
        super().__init__(text)
        self.stub = stub


def raising(stub):
    try:
        stub.Ask(Request(number=-1))
    except grpc.RpcError as error:
        raise Failed(stub, stub.Ask(Request(text=error.code().name)).text) from error
    finally:
        stub.Ask(Request(text="finally"))


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("find", [find(stub, 2), find(stub, 9)])
        try:
            raising(stub)
        except Failed as failed:
            record("failed", (str(failed), failed.stub.Ask(Request(text="f")).text))
