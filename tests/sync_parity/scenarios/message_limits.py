"""Limits on the size of messages: each side's, in each direction, on calls of each arity."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

LIMIT = 10000
LARGE = b"x" * (2 * LIMIT)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        return exchange_pb2.Reply(payload=b"x" * request.number)

    def Watch(self, request, context):
        yield exchange_pb2.Reply(number=1)
        yield exchange_pb2.Reply(payload=b"x" * request.number)

    def Collect(self, request_iterator, context):
        return exchange_pb2.Reply(number=sum(len(request.payload) for request in request_iterator))

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield exchange_pb2.Reply(payload=request.payload)


def outcome(error):
    return error.code(), error.details()


def attempt(record, name, stub, request):
    try:
        record(f"{name}, unary", len(stub.Ask(request, timeout=10).payload))
    except grpc.RpcError as error:
        record(f"{name}, unary", outcome(error))
    try:
        for reply in stub.Watch(request, timeout=10):
            record(f"{name}, response stream", len(reply.payload))
    except grpc.RpcError as error:
        record(f"{name}, response stream", outcome(error))
    try:
        reply = stub.Collect(iter([exchange_pb2.Request(payload=b"x"), request]), timeout=10)
        record(f"{name}, request stream", reply.number)
    except grpc.RpcError as error:
        record(f"{name}, request stream", error.code())
    try:
        for reply in stub.Talk(iter([request]), timeout=10):
            record(f"{name}, both streams", len(reply.payload))
    except grpc.RpcError as error:
        record(f"{name}, both streams", error.code())


def try_with(record, name, server_options=(), channel_options=()):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2), options=server_options)
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=channel_options) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        attempt(record, f"{name}: large request", stub, exchange_pb2.Request(payload=LARGE))
        attempt(record, f"{name}: large reply", stub, exchange_pb2.Request(number=len(LARGE)))
        attempt(record, f"{name}: small", stub, exchange_pb2.Request(payload=b"x" * 100, number=100))
    server.stop(None).wait()


def main(record):
    receive = (("grpc.max_receive_message_length", LIMIT),)
    send = (("grpc.max_send_message_length", LIMIT),)
    try_with(record, "no limit")
    try_with(record, "what the server takes", server_options=receive)
    try_with(record, "what the server sends", server_options=send)
    try_with(record, "what the client takes", channel_options=receive)
    try_with(record, "what the client sends", channel_options=send)
