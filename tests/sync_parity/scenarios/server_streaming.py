"""A stream of responses: to its end, empty, and broken off by an error."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Watch(self, request, context):
        context.set_trailing_metadata((("sent", str(request.number)),))
        for number in range(request.number):
            yield exchange_pb2.Reply(number=number)
        if request.text:
            context.abort(grpc.StatusCode.DATA_LOSS, request.text)


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    for reply in stub.Watch(exchange_pb2.Request(number=5)):
        record("reply", reply)
    for reply in stub.Watch(exchange_pb2.Request(number=0)):
        record("unexpected", reply)

    replies = stub.Watch(exchange_pb2.Request(number=2), timeout=10)
    record("numbers", [reply.number for reply in replies])
    record("code", replies.code())
    record("details", replies.details())
    record("initial metadata", replies.initial_metadata())
    record("trailing metadata", replies.trailing_metadata())

    replies = stub.Watch(exchange_pb2.Request(number=2, text="gone"))
    try:
        for reply in replies:
            record("before the error", reply)
    except grpc.RpcError as error:
        record("error", error)
        record("the error is the call", error is replies)
    record("code of the broken one", replies.code())

    channel.close()
    server.stop(None).wait()
