"""Client interceptors: one class of four kinds, every argument seen and changed, refusals, replacements."""

import collections
import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "intercept_channel",
    "UnaryUnaryClientInterceptor",
    "UnaryUnaryClientInterceptor.intercept_unary_unary",
    "UnaryStreamClientInterceptor",
    "UnaryStreamClientInterceptor.intercept_unary_stream",
    "StreamUnaryClientInterceptor",
    "StreamUnaryClientInterceptor.intercept_stream_unary",
    "StreamStreamClientInterceptor",
    "StreamStreamClientInterceptor.intercept_stream_stream",
    "ClientCallDetails",
    "ClientCallDetails.method",
    "ClientCallDetails.timeout",
    "ClientCallDetails.metadata",
    "ClientCallDetails.credentials",
    "ClientCallDetails.wait_for_ready",
    "ClientCallDetails.compression",
)

_FIELDS = ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression")


_Details = collections.namedtuple("_Details", _FIELDS)  # noqa: PYI024


class Details(_Details, grpc.ClientCallDetails):
    pass


class EveryKind(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    def __init__(self, record):
        self._record = record

    def _changed(self, details):
        self._record("method", details.method)
        self._record("timeout", details.timeout)
        self._record("metadata", details.metadata)
        self._record("credentials", details.credentials)
        self._record("wait for ready", details.wait_for_ready)
        self._record("compression", details.compression)
        metadata = [*(details.metadata or ()), ("kind", "every")]
        return Details(details.method, 60, metadata, None, True, grpc.Compression.Gzip)

    def intercept_unary_unary(self, continuation, client_call_details, request):
        return continuation(self._changed(client_call_details), request)

    def intercept_unary_stream(self, continuation, client_call_details, request):
        return continuation(self._changed(client_call_details), request)

    def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
        return continuation(self._changed(client_call_details), request_iterator)

    def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        return continuation(self._changed(client_call_details), request_iterator)


class Doubled(grpc.UnaryUnaryClientInterceptor, grpc.StreamUnaryClientInterceptor):
    """Changes the requests."""

    def intercept_unary_unary(self, continuation, client_call_details, request):
        return continuation(client_call_details, exchange_pb2.Request(number=request.number * 2))

    def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
        doubled = [exchange_pb2.Request(number=request.number * 2) for request in request_iterator]
        return continuation(client_call_details, iter(doubled))


class Refusing(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def intercept_unary_unary(self, continuation, client_call_details, request):
        raise LookupError("not from here")

    def intercept_unary_stream(self, continuation, client_call_details, request):
        raise LookupError("no stream from here")


class Retrying(grpc.UnaryUnaryClientInterceptor):
    """Tries again when the first answer is an error."""

    def __init__(self, record):
        self._record = record

    def intercept_unary_unary(self, continuation, client_call_details, request):
        call = continuation(client_call_details, request)
        error = call.exception()
        if error is None:
            return call
        self._record("first answer", (call.code(), call.details()))
        self._record("is the error an RpcError", isinstance(error, grpc.RpcError))
        return continuation(client_call_details, exchange_pb2.Request(number=-request.number))


class Watching(grpc.UnaryUnaryClientInterceptor):
    """Adds a callback, and looks at nothing itself."""

    def __init__(self):
        self.seen = None
        self.called = threading.Event()

    def _done(self, call):
        self.seen = (call.code(), call.result().number)
        self.called.set()

    def intercept_unary_unary(self, continuation, client_call_details, request):
        call = continuation(client_call_details, request)
        call.add_done_callback(self._done)
        return call


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def _told(self, context):
        kinds = [value for key, value in context.invocation_metadata() if key == "kind"]
        return f"{','.join(kinds)} deadline={context.time_remaining() < 3600}"

    def Ask(self, request, context):
        if request.number < 0:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "below zero")
        return exchange_pb2.Reply(text=self._told(context), number=request.number)

    def Watch(self, request, context):
        yield exchange_pb2.Reply(text=self._told(context))

    def Collect(self, request_iterator, context):
        total = sum(request.number for request in request_iterator)
        return exchange_pb2.Reply(text=self._told(context), number=total)

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield exchange_pb2.Reply(text=self._told(context), number=request.number)


def requests():
    for number in (1, 2, 3):
        yield exchange_pb2.Request(number=number)


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    stub = exchange_pb2_grpc.ExchangeStub(grpc.intercept_channel(channel, EveryKind(record)))
    record("unary", stub.Ask(exchange_pb2.Request(number=1), metadata=(("kind", "own"),), timeout=30))
    reply, call = stub.Ask.with_call(exchange_pb2.Request(number=2), wait_for_ready=False)
    record("with_call", (reply, call.code()))
    record("future", stub.Ask.future(exchange_pb2.Request(number=3)).result())
    record("server streaming", list(stub.Watch(exchange_pb2.Request())))
    record("client streaming", stub.Collect(requests(), compression=grpc.Compression.Deflate))
    reply, call = stub.Collect.with_call(requests())
    record("client streaming with_call", (reply, call.code()))
    record("client streaming future", stub.Collect.future(requests()).result())
    record("both streaming", list(stub.Talk(requests())))
    try:
        stub.Ask(exchange_pb2.Request(number=-1))
    except grpc.RpcError as error:
        record("error through an interceptor", (error.code(), error.details()))

    doubled = exchange_pb2_grpc.ExchangeStub(grpc.intercept_channel(channel, Doubled()))
    record("doubled", doubled.Ask(exchange_pb2.Request(number=21)).number)
    record("doubled stream", doubled.Collect(requests()).number)
    record("a kind that it has not", [reply.number for reply in doubled.Talk(requests())])

    refused = exchange_pb2_grpc.ExchangeStub(grpc.intercept_channel(channel, Refusing()))
    try:
        refused.Ask(exchange_pb2.Request())
    except LookupError as error:
        record("refused", error)
    future = refused.Ask.future(exchange_pb2.Request())
    record("refused future", future.exception())
    try:
        list(refused.Watch(exchange_pb2.Request()))
    except LookupError as error:
        record("refused stream", error)

    retrying = exchange_pb2_grpc.ExchangeStub(grpc.intercept_channel(channel, Retrying(record)))
    record("good at once", retrying.Ask(exchange_pb2.Request(number=5)).number)
    record("good at last", retrying.Ask(exchange_pb2.Request(number=-5)).number)
    record("good at last, a future", retrying.Ask.future(exchange_pb2.Request(number=-6)).result().number)

    watching = Watching()
    watched = exchange_pb2_grpc.ExchangeStub(grpc.intercept_channel(channel, watching))
    record("watched", watched.Ask(exchange_pb2.Request(number=8)).number)
    watching.called.wait(10)
    record("seen in the callback", watching.seen)
    try:
        grpc.intercept_channel(channel, object())
    except TypeError as error:
        record("no interceptor", type(error))

    channel.close()
    server.stop(None).wait()
