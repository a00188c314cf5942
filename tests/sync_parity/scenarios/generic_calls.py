"""Calls without generated code: serialisers of one's own, or none, and those that fail."""

# ruff: noqa: ARG001
import json
from concurrent import futures

import grpc

COVERS = (
    "Channel",
    "Channel.unary_unary",
    "Channel.unary_stream",
    "Channel.stream_unary",
    "Channel.stream_stream",
    "Channel.__enter__",
    "Channel.__exit__",
    "insecure_channel",
    "method_handlers_generic_handler",
    "unary_unary_rpc_method_handler",
    "unary_stream_rpc_method_handler",
    "stream_unary_rpc_method_handler",
    "stream_stream_rpc_method_handler",
    "Server.add_generic_rpc_handlers",
)


def dump(value):
    return json.dumps(value).encode()


def broken(value):
    raise ValueError(f"cannot take {value!r}")


def add(request, context):
    return sum(request)


def count(request, context):
    yield from range(request)


def total(request_iterator, context):
    return sum(request_iterator)


def double(request_iterator, context):
    for request in request_iterator:
        yield request * 2


def reverse(request, context):
    return request[::-1]


def handlers():
    return {
        "Add": grpc.unary_unary_rpc_method_handler(add, json.loads, dump),
        "Count": grpc.unary_stream_rpc_method_handler(count, json.loads, dump),
        "Total": grpc.stream_unary_rpc_method_handler(
            total, request_deserializer=json.loads, response_serializer=dump
        ),
        "Double": grpc.stream_stream_rpc_method_handler(double, json.loads, dump),
        "Reverse": grpc.unary_unary_rpc_method_handler(reverse),
        "CannotRead": grpc.unary_unary_rpc_method_handler(reverse, request_deserializer=broken),
        "CannotWrite": grpc.unary_unary_rpc_method_handler(reverse, response_serializer=broken),
    }


def attempt(record, name, method, request):
    try:
        record(name, method(request, timeout=10))
    except grpc.RpcError as error:
        record(name, (error.code(), error.details()))


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Sums", handlers()),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        record("is a channel", isinstance(channel, grpc.Channel))
        add_up = channel.unary_unary(
            "/test.Sums/Add", request_serializer=dump, response_deserializer=json.loads
        )
        record("unary", add_up([1, 2, 3]))
        reply, call = add_up.with_call([4, 5])
        record("with_call", (reply, call.code()))
        record("future", add_up.future([6]).result())
        count_to = channel.unary_stream("/test.Sums/Count", dump, json.loads)
        record("server streaming", list(count_to(4)))
        total_of = channel.stream_unary("/test.Sums/Total", dump, json.loads)
        record("client streaming", total_of(iter([1, 2, 3, 4])))
        doubled = channel.stream_stream("/test.Sums/Double", dump, json.loads)
        record("both streaming", list(doubled(iter([1, 2, 3]))))

        reverse_bytes = channel.unary_unary("/test.Sums/Reverse")
        record("bytes", reverse_bytes(b"abc"))
        attempt(
            record,
            "request that cannot be written",
            channel.unary_unary("/test.Sums/Reverse", broken),
            b"abc",
        )
        attempt(
            record,
            "reply that cannot be read",
            channel.unary_unary("/test.Sums/Reverse", response_deserializer=broken),
            b"abc",
        )
        attempt(record, "the server cannot read", channel.unary_unary("/test.Sums/CannotRead"), b"abc")
        attempt(record, "the server cannot write", channel.unary_unary("/test.Sums/CannotWrite"), b"abc")
        attempt(record, "no such method", channel.unary_unary("/test.Sums/Missing"), b"")
        attempt(record, "no such service", channel.unary_unary("/test.Missing/Add"), b"")
        attempt(record, "malformed method", channel.unary_unary("Add"), b"")

        try:
            for reply in channel.unary_stream("/test.Sums/Count", dump, broken)(2):
                record("unexpected", reply)
        except grpc.RpcError as error:
            record("stream that cannot be read", (error.code(), error.details()))
        try:
            list(channel.stream_stream("/test.Sums/Double", broken, json.loads)(iter([1])))
        except grpc.RpcError as error:
            record("stream that cannot be written", error.code())
    server.stop(None).wait()
