"""`with_call`, and metadata in both directions: repeated keys, binary values, initial and trailing."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, record):
        self._record = record

    def Ask(self, request, context):
        sent = [item for item in context.invocation_metadata() if not item.key.startswith("user-agent")]
        self._record("invocation metadata", sent)
        self._record("has a deadline", context.time_remaining() < 3600)
        context.send_initial_metadata((("serial", "7"), ("token-bin", b"\xff\x00")))
        context.set_trailing_metadata((("cost", "3"), ("cost", "4")))
        return exchange_pb2.Reply(number=len(sent))


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(record), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    metadata = [("who", "me"), ("who", "you"), ("key-bin", b"\x01\x02")]
    reply, call = stub.Ask.with_call(exchange_pb2.Request(), metadata=metadata, timeout=10)
    record("reply", reply)
    record("code", call.code())
    record("details", call.details())
    record("initial metadata", call.initial_metadata())
    record("trailing metadata", call.trailing_metadata())
    record("keys", [item.key for item in call.trailing_metadata()])

    response, call = stub.Ask.with_call(exchange_pb2.Request())
    record("reply without metadata", response)
    record("is active", call.is_active())
    record("time remaining", call.time_remaining())

    try:
        stub.Ask(exchange_pb2.Request(), metadata=[("Upper", "case")])
    except Exception as error:
        record("refused metadata", error)
    channel.close()
    server.stop(None).wait()
