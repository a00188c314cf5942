# shape: 10
# async: Greeter.Ask check_greeting check_refusal main
# cuts:
"""A servicer whose method is called directly, with a context that is a fake."""

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Aborted(Exception):
    pass


class FakeContext:
    def __init__(self):
        self.code = None
        self.details = None
        self.trailing = ()

    def abort(self, code, details):
        self.code, self.details = code, details
        raise Aborted(details)

    def set_trailing_metadata(self, metadata):
        self.trailing = metadata


class Greeter(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, backend):
        self.backend = backend

    def Ask(self, request, context):
        if request.number < 0:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "below zero")
        reply = self.backend.Ask(request)
        context.set_trailing_metadata((("greeted", request.text),))
        return exchange_pb2.Reply(text=f"Hello {reply.text}")


def check_greeting(record, greeter):
    context = FakeContext()
    reply = greeter.Ask(exchange_pb2.Request(text="ann"), context)
    record("greeting", (reply.text, context.trailing))


def check_refusal(record, greeter):
    context = FakeContext()
    try:
        greeter.Ask(exchange_pb2.Request(number=-1), context)
    except Aborted as error:
        record("refused", (str(error), context.code))
    else:
        record("not refused")


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        greeter = Greeter(exchange_pb2_grpc.ExchangeStub(channel))
        check_greeting(record, greeter)
        check_refusal(record, greeter)
