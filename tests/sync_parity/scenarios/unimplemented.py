"""Methods that the server does not have: left out of the servicer, and unknown altogether."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        return exchange_pb2.Reply(text="implemented")


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)
    record("there", stub.Ask(exchange_pb2.Request()))
    try:
        stub.Collect(iter([exchange_pb2.Request()]))
    except grpc.RpcError as error:
        record("left out", (error.code(), error.details()))

    nothing = channel.unary_unary("/grpc_bridge.testing.Exchange/Nothing")
    try:
        nothing(b"raw")
    except grpc.RpcError as error:
        record("unknown method", (error.code(), error.details()))
    channel.close()
    server.stop(None).wait()
