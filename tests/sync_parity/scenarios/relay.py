"""A servicer whose handlers call another service: all four arities, errors translated."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Back(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        if not request.text:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "empty")
        return exchange_pb2.Reply(text=request.text.upper())

    def Watch(self, request, context):
        for number in range(request.number):
            yield exchange_pb2.Reply(number=number)

    def Collect(self, request_iterator, context):
        return exchange_pb2.Reply(number=sum(request.number for request in request_iterator))

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield exchange_pb2.Reply(number=-request.number)


class Front(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, channel):
        self._back = exchange_pb2_grpc.ExchangeStub(channel)

    def Ask(self, request, context):
        try:
            reply, call = self._back.Ask.with_call(request, timeout=context.time_remaining())
        except grpc.RpcError as error:
            context.abort(error.code(), "behind: " + error.details())
        context.set_trailing_metadata((("behind", call.code().name),))
        return reply

    def Watch(self, request, context):
        for reply in self._back.Watch(request):
            reply.text = "relayed"
            yield reply

    def Collect(self, request_iterator, context):
        doubled = [exchange_pb2.Request(number=request.number * 2) for request in request_iterator]
        return self._back.Collect(iter(doubled))

    def Talk(self, request_iterator, context):
        for reply in self._back.Talk(request_iterator):
            yield exchange_pb2.Reply(number=reply.number * 10)


def serve(servicer):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"


def numbers(count):
    for number in range(count):
        yield exchange_pb2.Request(number=number)


def main(record):
    back, back_address = serve(Back())
    with grpc.insecure_channel(back_address) as between:
        front, front_address = serve(Front(between))
        with grpc.insecure_channel(front_address) as channel:
            stub = exchange_pb2_grpc.ExchangeStub(channel)
            reply, call = stub.Ask.with_call(exchange_pb2.Request(text="through"), timeout=10)
            record("unary", (reply, call.trailing_metadata()))
            try:
                stub.Ask(exchange_pb2.Request(), timeout=10)
            except grpc.RpcError as error:
                record("error", (error.code(), error.details()))
            record("server streaming", list(stub.Watch(exchange_pb2.Request(number=3))))
            record("client streaming", stub.Collect(numbers(4)))
            record("both streaming", [reply.number for reply in stub.Talk(numbers(3))])
        front.stop(None).wait()
    back.stop(None).wait()
