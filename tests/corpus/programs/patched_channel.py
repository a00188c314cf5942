# shape: 13
# async: fetch main
# cuts:
"""A tracing library that replaces `grpc.insecure_channel` while it is installed."""

import contextlib

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Spans(grpc.UnaryUnaryClientInterceptor):
    def __init__(self):
        self.names = []

    def intercept_unary_unary(self, continuation, details, request):
        self.names.append(details.method)
        return continuation(details, request)


@contextlib.contextmanager
def instrumented(spans):
    original = grpc.insecure_channel

    def insecure_channel(target, *args, **kwargs):
        return grpc.intercept_channel(original(target, *args, **kwargs), spans)

    grpc.insecure_channel = insecure_channel
    try:
        yield
    finally:
        grpc.insecure_channel = original


def fetch(target, text):
    channel = grpc.insecure_channel(target)
    try:
        return exchange_pb2_grpc.ExchangeStub(channel).Ask(exchange_pb2.Request(text=text)).text
    finally:
        channel.close()


def main(record):
    spans = Spans()
    with serving() as target:
        with instrumented(spans):
            record("traced", fetch(target, "one"))
        record("not traced", fetch(target, "two"))
    record("spans", spans.names)
