"""Requests from a queue that another thread fills, responses read by the main thread."""

import queue
import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield exchange_pb2.Reply(text=request.text + "!")
        yield exchange_pb2.Reply(text="end")


def send(requests):
    for text in ("a", "b", "c"):
        requests.put(exchange_pb2.Request(text=text))
    requests.put(None)


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    requests = queue.Queue()
    replies = stub.Talk(iter(requests.get, None))
    sender = threading.Thread(target=send, args=(requests,))
    sender.start()
    for reply in replies:
        record("reply", reply.text)
    sender.join()
    record("code", replies.code())

    channel.close()
    server.stop(None).wait()
