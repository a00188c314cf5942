"""The four multi-callables, every way of calling them, with every argument."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "UnaryUnaryMultiCallable",
    "UnaryUnaryMultiCallable.__call__",
    "UnaryUnaryMultiCallable.with_call",
    "UnaryUnaryMultiCallable.future",
    "UnaryStreamMultiCallable",
    "UnaryStreamMultiCallable.__call__",
    "StreamUnaryMultiCallable",
    "StreamUnaryMultiCallable.__call__",
    "StreamUnaryMultiCallable.with_call",
    "StreamUnaryMultiCallable.future",
    "StreamStreamMultiCallable",
    "StreamStreamMultiCallable.__call__",
    "access_token_call_credentials",
    "local_channel_credentials",
    "local_server_credentials",
    "LocalConnectionType",
    "CallCredentials",
    "ChannelCredentials",
    "ServerCredentials",
    "secure_channel",
    "Server.add_secure_port",
)


def told(context):
    """What the handler was told of the call, beside its requests."""
    metadata = [item for item in context.invocation_metadata() if not item.key.startswith("user-agent")]
    return f"deadline={context.time_remaining() < 3600} " + " ".join(
        f"{key}={value!r}" for key, value in sorted(metadata)
    )


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        return exchange_pb2.Reply(text=told(context), number=request.number)

    def Watch(self, request, context):
        yield exchange_pb2.Reply(text=told(context), number=request.number)

    def Collect(self, request_iterator, context):
        total = sum(request.number for request in request_iterator)
        return exchange_pb2.Reply(text=told(context), number=total)

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield exchange_pb2.Reply(text=told(context), number=request.number)


def requests():
    for number in (1, 2, 3):
        yield exchange_pb2.Request(number=number)


def main(record):
    record("local connections", [kind.name for kind in grpc.LocalConnectionType])
    server_credentials = grpc.local_server_credentials()
    channel_credentials = grpc.local_channel_credentials(grpc.LocalConnectionType.LOCAL_TCP)
    token = grpc.access_token_call_credentials("secret")
    record("server credentials", isinstance(server_credentials, grpc.ServerCredentials))
    record("channel credentials", isinstance(channel_credentials, grpc.ChannelCredentials))
    record("call credentials", isinstance(token, grpc.CallCredentials))

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_secure_port("127.0.0.1:0", server_credentials)
    record("secure port", port > 0)
    server.start()
    channel = grpc.secure_channel(f"127.0.0.1:{port}", channel_credentials)
    stub = exchange_pb2_grpc.ExchangeStub(channel)
    record("unary unary", isinstance(stub.Ask, grpc.UnaryUnaryMultiCallable))
    record("unary stream", isinstance(stub.Watch, grpc.UnaryStreamMultiCallable))
    record("stream unary", isinstance(stub.Collect, grpc.StreamUnaryMultiCallable))
    record("stream stream", isinstance(stub.Talk, grpc.StreamStreamMultiCallable))

    request = exchange_pb2.Request(number=7)
    metadata = (("who", "me"), ("key-bin", b"\x00\x01\xfe"))
    keywords = {
        "timeout": 60,
        "metadata": metadata,
        "wait_for_ready": True,
        "compression": grpc.Compression.Gzip,
    }
    record("unary", stub.Ask(request, **keywords))
    record("unary by position", stub.Ask(request, 60, metadata, None, False, None))
    reply, call = stub.Ask.with_call(request, **keywords)
    record("unary with_call", (reply, call.code()))
    record("unary future", stub.Ask.future(request, **keywords).result())
    record("server streaming", list(stub.Watch(request, **keywords)))
    record("client streaming", stub.Collect(requests(), **keywords))
    reply, call = stub.Collect.with_call(requests(), **keywords)
    record("client streaming with_call", (reply, call.code()))
    record("client streaming future", stub.Collect.future(requests(), **keywords).result())
    record("both streaming", list(stub.Talk(requests(), **keywords)))

    record("token", stub.Ask(request, credentials=token))
    for name, arguments in (
        ("nonsense timeout", {"timeout": "soon"}),
        ("nonsense metadata", {"metadata": (("who",),)}),
        ("number as metadata", {"metadata": (("who", 1),)}),
    ):
        try:
            stub.Ask(request, **arguments)
        except (TypeError, ValueError) as error:
            record(name, type(error))
    try:
        stub.Ask("not a message")
    except grpc.RpcError as error:
        record("not a message", (error.code(), error.details()))

    channel.close()
    server.stop(None).wait()
