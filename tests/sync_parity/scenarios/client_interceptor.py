"""A client interceptor that adds metadata and looks at what came back; two of them, in order."""

import collections
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

_Details = collections.namedtuple("_Details", ("method", "timeout", "metadata", "credentials"))  # noqa: PYI024


class ClientCallDetails(_Details, grpc.ClientCallDetails):
    pass


class Tagging(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def __init__(self, tag, record):
        self._tag = tag
        self._record = record

    def _tagged(self, details):
        metadata = list(details.metadata or ())
        metadata.append(("tag", self._tag))
        return ClientCallDetails(details.method, details.timeout, metadata, details.credentials)

    def intercept_unary_unary(self, continuation, client_call_details, request):
        self._record(f"{self._tag} method", client_call_details.method)
        call = continuation(self._tagged(client_call_details), request)
        self._record(f"{self._tag} code", call.code())
        return call

    def intercept_unary_stream(self, continuation, client_call_details, request):
        return continuation(self._tagged(client_call_details), request)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        tags = [value for key, value in context.invocation_metadata() if key == "tag"]
        return exchange_pb2.Reply(text=",".join(tags))

    def Watch(self, request, context):
        for key, value in context.invocation_metadata():
            if key == "tag":
                yield exchange_pb2.Reply(text=value)


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        intercepted = grpc.intercept_channel(channel, Tagging("outer", record), Tagging("inner", record))
        stub = exchange_pb2_grpc.ExchangeStub(intercepted)
        record("reply", stub.Ask(exchange_pb2.Request(), metadata=(("tag", "own"),)))
        reply, call = stub.Ask.with_call(exchange_pb2.Request())
        record("with_call", (reply, call.code()))
        record("future", stub.Ask.future(exchange_pb2.Request()).result())
        record("stream", [reply.text for reply in stub.Watch(exchange_pb2.Request())])
        plain = exchange_pb2_grpc.ExchangeStub(channel)
        record("the channel itself", plain.Ask(exchange_pb2.Request()))
    server.stop(None).wait()
