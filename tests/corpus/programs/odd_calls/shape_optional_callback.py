import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def watch(stub, on_reply=None, on_done=lambda count: None):
    count = 0
    for reply in stub.Watch(Request(number=3)):
        count += 1
        if on_reply:
            on_reply(reply)
    on_done(count)
    return count


def main(record):
    seen = []
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("plain", watch(stub))
        record("append", watch(stub, lambda reply: seen.append(reply.number)))

        def ask(reply):
            seen.append(stub.Ask(Request(number=reply.number)).number)

        record("rpc", watch(stub, ask, on_done=seen.append))
        record("seen", seen)
