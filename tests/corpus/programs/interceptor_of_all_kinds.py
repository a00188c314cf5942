# shape: 12
# async: main
# cuts:
"""One client interceptor class for all four arities, through one `intercept`; it asks what came back what it is."""

import collections

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class _Details(
    collections.namedtuple("_Details", ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression")),
    grpc.ClientCallDetails,
):
    pass


class Tracing(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    def __init__(self):
        self.log = []

    def _intercept(self, kind, continuation, details, request):
        metadata = list(details.metadata or ()) + [("x-kind", kind)]
        details = _Details(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready, details.compression
        )
        method = details.method.rpartition("/")[2]
        response = continuation(details, request)
        if isinstance(response, grpc.Future) and kind.endswith("unary"):
            self.log.append((kind, method, response.code().name))
        else:
            self.log.append((kind, method, "open"))
        return response

    def intercept_unary_unary(self, continuation, client_call_details, request):
        return self._intercept("unary_unary", continuation, client_call_details, request)

    def intercept_unary_stream(self, continuation, client_call_details, request):
        return self._intercept("unary_stream", continuation, client_call_details, request)

    def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
        return self._intercept("stream_unary", continuation, client_call_details, request_iterator)

    def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        return self._intercept("stream_stream", continuation, client_call_details, request_iterator)


def main(record):
    tracing = Tracing()
    with serving() as target:
        with grpc.insecure_channel(target) as plain:
            channel = grpc.intercept_channel(plain, tracing)
            stub = exchange_pb2_grpc.ExchangeStub(channel)
            record("ask", stub.Ask(exchange_pb2.Request(text="hi")).text)
            record("watch", [r.number for r in stub.Watch(exchange_pb2.Request(number=2))])
            record("collect", stub.Collect(exchange_pb2.Request(number=n) for n in (1, 2)).number)
            record("talk", [r.text for r in stub.Talk(iter([exchange_pb2.Request(text="a")]))])
            try:
                stub.Ask(exchange_pb2.Request(number=-1))
            except grpc.RpcError as error:
                record("refused", error)
    record("log", tracing.log)
