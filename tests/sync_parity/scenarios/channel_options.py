"""Options and compression, of the channel and of the call."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "Compression",
    "ServicerContext.set_compression",
    "ServicerContext.disable_next_message_compression",
)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        sent = dict(context.invocation_metadata())
        if request.text:
            context.set_compression(grpc.Compression[request.text])
        product = sent["user-agent"].split()[0]
        return exchange_pb2.Reply(text=product, payload=b"x" * request.number)

    def Watch(self, request, context):
        context.set_compression(grpc.Compression.Gzip)
        for number in range(3):
            if number == 1:
                context.disable_next_message_compression()
            yield exchange_pb2.Reply(number=number, payload=b"x" * request.number)


def ask(record, name, stub, **keywords):
    try:
        reply = stub.Ask(exchange_pb2.Request(number=5000), timeout=10, **keywords)
        record(name, (reply.text, len(reply.payload)))
    except grpc.RpcError as error:
        record(name, (error.code(), error.details()))


def main(record):
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=2),
        options=(("grpc.max_receive_message_length", 10000), ("grpc.so_reuseport", 0)),
        compression=grpc.Compression.Deflate,
    )
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    target = f"127.0.0.1:{port}"

    with grpc.insecure_channel(target, options=[("grpc.primary_user_agent", "parity/1")]) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        ask(record, "user agent", stub)
        for compression in grpc.Compression:
            ask(record, f"call with {compression.name}", stub, compression=compression)
            reply = stub.Ask(exchange_pb2.Request(text=compression.name, number=100), timeout=10)
            record(f"reply with {compression.name}", len(reply.payload))
        record("stream", [len(reply.payload) for reply in stub.Watch(exchange_pb2.Request(number=3000))])
        try:
            stub.Ask(exchange_pb2.Request(payload=b"x" * 20000))
        except grpc.RpcError as error:
            record("too large for the server", error.code())

    with grpc.insecure_channel(
        target,
        options=(("grpc.max_receive_message_length", 1000), ("grpc.primary_user_agent", "parity/2")),
        compression=grpc.Compression.Gzip,
    ) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        ask(record, "too large for the client", stub)
        record("small enough", len(stub.Ask(exchange_pb2.Request(number=500)).payload))
    try:
        grpc.insecure_channel(target, options=(("grpc.max_receive_message_length",),))
    except ValueError as error:
        record("malformed option", type(error))
    record("compression by number", [(each.name, each.value) for each in grpc.Compression])
    server.stop(None).wait()
