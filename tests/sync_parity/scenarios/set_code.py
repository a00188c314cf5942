"""`set_code` and `set_details` without an abort: the value that is returned does not arrive."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, record):
        self._record = record

    def Ask(self, request, context):
        if request.text == "ok":
            context.set_code(grpc.StatusCode.OK)
            context.set_details("all well")
            return exchange_pb2.Reply(text="fine")
        context.set_code(grpc.StatusCode.RESOURCE_EXHAUSTED)
        context.set_details("too many")
        self._record("handler reads back", (context.code(), context.details()))
        if request.text == "raise":
            raise grpc.RpcError()
        if request.text == "nothing":
            return None
        return exchange_pb2.Reply(text="lost")

    def Watch(self, request, context):
        yield exchange_pb2.Reply(number=1)
        context.set_code(grpc.StatusCode.UNAUTHENTICATED)
        context.set_details("late")


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(record), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)
    reply, call = stub.Ask.with_call(exchange_pb2.Request(text="ok"))
    record("ok", (reply, call.code(), call.details()))
    for text in ("return", "raise", "nothing"):
        try:
            stub.Ask(exchange_pb2.Request(text=text))
        except grpc.RpcError as error:
            record(text, (error.code(), error.details()))
    try:
        for reply in stub.Watch(exchange_pb2.Request()):
            record("streamed", reply)
    except grpc.RpcError as error:
        record("stream", (error.code(), error.details()))
    channel.close()
    server.stop(None).wait()
