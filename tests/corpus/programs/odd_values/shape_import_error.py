import sys

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

try:
    import not_there_at_all as helper
except ImportError:
    helper = None

try:
    from also_not_there import ask
except ImportError:

    def ask(stub, text):
        return stub.Ask(Request(text=text)).text


if sys.version_info >= (3, 8):

    def shout(stub, text):
        return ask(stub, text) + "!"
else:

    def shout(stub, text):
        return ask(stub, text)


try:
    import ujson_not_there as json
except ModuleNotFoundError:
    import json


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        if helper is not None:
            helper.run(stub)
        record("shout", shout(stub, "a"))
        record("json", json.dumps(shout(stub, "b")))
