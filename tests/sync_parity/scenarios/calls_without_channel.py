"""grpc.experimental: calls that name a target in place of a channel, and its helpers for servers."""

import importlib
import warnings
from concurrent import futures

import grpc

from tests.protos import exchange_pb2_grpc
from tests.protos.exchange_pb2 import Reply, Request

COVERS = (
    "experimental.unary_unary",
    "experimental.unary_stream",
    "experimental.stream_unary",
    "experimental.stream_stream",
    "experimental.insecure_channel_credentials",
    "experimental.wrap_server_method_handler",
    "experimental.session_cache",
    "experimental.ChannelOptions",
)

# grpcio loads them when they are imported, and no sooner.
importlib.import_module("grpc.experimental.session_cache")

ASK = "/grpc_bridge.testing.Exchange/Ask"
WATCH = "/grpc_bridge.testing.Exchange/Watch"
COLLECT = "/grpc_bridge.testing.Exchange/Collect"
TALK = "/grpc_bridge.testing.Exchange/Talk"


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        if request.number < 0:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "too low")
        return Reply(text=request.text.upper())

    def Watch(self, request, context):
        for number in range(request.number):
            yield Reply(number=number)

    def Collect(self, request_iterator, context):
        return Reply(number=sum(request.number for request in request_iterator))

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield Reply(number=request.number * 2)


class Marking(grpc.ServerInterceptor):
    """Says in the trailing metadata that a handler was wrapped."""

    def intercept_service(self, continuation, handler_call_details):
        def wrapper(behavior):
            def wrapped(request, context):
                context.set_trailing_metadata((("wrapped", handler_call_details.method),))
                return behavior(request, context)

            return wrapped

        return grpc.experimental.wrap_server_method_handler(wrapper, continuation(handler_call_details))


def calls(record, target):
    kind = {"insecure": True, "timeout": 10}
    request, reply = Request.SerializeToString, Reply.FromString
    record(
        "unary-unary", grpc.experimental.unary_unary(Request(text="a"), target, ASK, request, reply, **kind)
    )
    try:
        grpc.experimental.unary_unary(Request(number=-1), target, ASK, request, reply, **kind)
    except grpc.RpcError as error:
        record("its error", error)
        record("its trailing metadata", error.trailing_metadata())
    for response in grpc.experimental.unary_stream(Request(number=2), target, WATCH, request, reply, **kind):
        record("unary-stream", response)
    numbers = [Request(number=1), Request(number=2)]
    record(
        "stream-unary", grpc.experimental.stream_unary(iter(numbers), target, COLLECT, request, reply, **kind)
    )
    for response in grpc.experimental.stream_stream(iter(numbers), target, TALK, request, reply, **kind):
        record("stream-stream", response)
    record("bytes", grpc.experimental.unary_unary(b"", target, ASK, insecure=True))


def single_threaded(record, target):
    options = [(grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)]
    with grpc.insecure_channel(target, options) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        for response in stub.Watch(Request(number=2)):
            record("single-threaded", response)


def misuse(record, target):
    credentials = grpc.experimental.insecure_channel_credentials()
    record("one object", credentials is grpc.experimental.insecure_channel_credentials())
    try:
        grpc.experimental.unary_unary(b"", target, ASK, channel_credentials=credentials, insecure=True)
    except ValueError as error:
        record("both kinds of credentials", "mutually exclusive" in str(error))
    record("a session cache", int(grpc.experimental.session_cache.ssl_session_cache_lru(4)) != 0)
    record("nothing to wrap", grpc.experimental.wrap_server_method_handler(None, None))


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(4), interceptors=[Marking()])
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", grpc.experimental.ExperimentalApiWarning)
        calls(record, f"127.0.0.1:{port}")
        misuse(record, f"127.0.0.1:{port}")
    single_threaded(record, f"127.0.0.1:{port}")
    server.stop(None).wait()
