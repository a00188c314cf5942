"""Requests and responses that take turns: each request depends on the response before it."""

import queue
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield exchange_pb2.Reply(text=request.text.upper(), number=request.number + 1)


def upto(count):
    for number in range(count):
        yield exchange_pb2.Request(number=number)


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    for reply in stub.Talk(upto(4)):
        record("reply", reply)

    requests = queue.Queue()
    replies = stub.Talk(iter(requests.get, None))
    number = 0
    for turn in ("ping", "pong", "ping"):
        requests.put(exchange_pb2.Request(text=turn, number=number))
        reply = next(replies)
        record("turn", reply)
        number = reply.number
    requests.put(None)
    record("left over", list(replies))
    record("code", replies.code())

    channel.close()
    server.stop(None).wait()
