# shape: 13
# async: main
# stays: CountedUnaryUnary.__call__ CountedUnaryUnary.with_call CountingChannel.__enter__ CountingChannel.__exit__ CountingChannel.close
# cuts: GB503 GB708
"""A channel of one's own that wraps grpcio's: its unary calls carry a header and are counted."""

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class CountedUnaryUnary(grpc.UnaryUnaryMultiCallable):
    def __init__(self, inner, counts, name):
        self._inner = inner
        self._counts = counts
        self._name = name

    def _count(self):
        self._counts[self._name] = self._counts.get(self._name, 0) + 1

    def __call__(self, request, timeout=None, metadata=None, **options):
        self._count()
        return self._inner(request, timeout=timeout, metadata=metadata, **options)

    def with_call(self, request, timeout=None, metadata=None, **options):
        self._count()
        return self._inner.with_call(request, timeout=timeout, metadata=metadata, **options)

    def future(self, request, timeout=None, metadata=None, **options):
        self._count()
        return self._inner.future(request, timeout=timeout, metadata=metadata, **options)


class CountingChannel(grpc.Channel):
    def __init__(self, channel):
        self._channel = channel
        self.counts = {}

    def unary_unary(self, method, *args, **kwargs):
        inner = self._channel.unary_unary(method, *args, **kwargs)
        return CountedUnaryUnary(inner, self.counts, method.rpartition("/")[2])

    def unary_stream(self, *args, **kwargs):
        return self._channel.unary_stream(*args, **kwargs)

    def stream_unary(self, *args, **kwargs):
        return self._channel.stream_unary(*args, **kwargs)

    def stream_stream(self, *args, **kwargs):
        return self._channel.stream_stream(*args, **kwargs)

    def subscribe(self, callback, try_to_connect=False):
        self._channel.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback):
        self._channel.unsubscribe(callback)

    def close(self):
        self._channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


def main(record):
    with serving() as target:
        channel = CountingChannel(grpc.insecure_channel(target))
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        record("asked", stub.Ask(exchange_pb2.Request(text="hi")).text)
        record("future", stub.Ask.future(exchange_pb2.Request(text="ho")).result().text)
        record("watched", [r.number for r in stub.Watch(exchange_pb2.Request(number=2))])
        record("counts", channel.counts)
        channel.close()
