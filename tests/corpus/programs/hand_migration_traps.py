# shape: hand
# async: Guarded.Ask Guarded.Watch read_all main
# cuts:
"""The three bugs of published migrations: abort not awaited, the stream's end mistaken, shutdown not awaited."""

from concurrent import futures

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Guarded(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, backend):
        self.backend = backend
        self.finished = []

    def Ask(self, request, context):
        if request.text == "":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "say something")
        reply = self.backend.Ask(request)
        self.finished.append(request.text)
        return reply

    def Watch(self, request, context):
        for reply in self.backend.Watch(request):
            if reply.number == 2:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "two is enough")
            yield reply


def read_all(stub, number):
    """Replies of which some are empty, and so are false as values go."""
    numbers = []
    replies = stub.Watch(exchange_pb2.Request(number=number))
    while True:
        reply = next(replies, None)
        if reply is None:
            break
        numbers.append(reply.number)
    return numbers


def main(record):
    with serving() as target, grpc.insecure_channel(target) as backend:
        guarded = Guarded(exchange_pb2_grpc.ExchangeStub(backend))
        server = grpc.server(futures.ThreadPoolExecutor(4))
        exchange_pb2_grpc.add_ExchangeServicer_to_server(guarded, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        for text in ("", "hello"):
            try:
                record("asked", stub.Ask(exchange_pb2.Request(text=text)).text)
            except grpc.RpcError as error:
                record("refused", error)
        record("finished", guarded.finished)
        record("all", read_all(stub, 2))
        try:
            read_all(stub, 5)
        except grpc.RpcError as error:
            record("cut short", error)
        server.stop(5).wait()
        try:
            stub.Ask(exchange_pb2.Request(text="too late"), timeout=5)
        except grpc.RpcError as error:
            record("stopped before that", error.code())
        channel.close()
