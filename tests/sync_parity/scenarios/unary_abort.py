"""A handler that aborts: code, details and trailing metadata reach the caller."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, record):
        self._record = record

    def Ask(self, request, context):
        context.set_trailing_metadata((("reason", "closed"), ("blob-bin", b"\x00\x01")))
        if not request.text:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the text is missing")
        try:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such text: " + request.text)
        except Exception as error:
            self._record("what abort raises", error.args)
            raise


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(record), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)
    for text in ("", "a", "bc"):
        try:
            stub.Ask(exchange_pb2.Request(text=text))
        except grpc.RpcError as error:
            record("error", error)
            record("code", error.code())
            record("details", error.details())
            record("initial metadata", error.initial_metadata())
            record("trailing metadata", error.trailing_metadata())
            record("is a Call", isinstance(error, grpc.Call))
            record("has a debug string", bool(error.debug_error_string()))
        else:
            record("no error")
    channel.close()
    server.stop(None).wait()
