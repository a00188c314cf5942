"""A unary call that succeeds."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        return exchange_pb2.Reply(text="hello " + request.text, number=request.number + 1)


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        record("reply", stub.Ask(exchange_pb2.Request(text="world", number=41)))
        record("reply to an empty request", stub.Ask(exchange_pb2.Request()))
        for number in range(3):
            reply = stub.Ask(exchange_pb2.Request(number=number), timeout=5)
            record("number", reply.number)
    server.stop(None).wait()
