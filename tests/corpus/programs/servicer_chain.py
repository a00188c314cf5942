# shape: 10
# async: Front.Ask Front.Watch Front.Collect Backoffice.Ask main
# cuts:
"""Servicers that call another servicer, their own address, and their own methods directly."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Backoffice(exchange_pb2_grpc.ExchangeServicer):
    """Calls itself over the network until nothing is left."""

    def __init__(self):
        self.stub = None

    def Ask(self, request, context):
        if request.number > 0:
            inner = self.stub.Ask(exchange_pb2.Request(text=request.text + ".", number=request.number - 1))
            return exchange_pb2.Reply(text=inner.text, number=inner.number + 1)
        return exchange_pb2.Reply(text=request.text, number=0)


class Front(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, backoffice):
        self.backoffice = backoffice

    def Ask(self, request, context):
        if not request.text:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no text")
        return self.backoffice.Ask(request, timeout=5)

    def Watch(self, request, context):
        for number in range(request.number):
            yield self.Ask(exchange_pb2.Request(text=request.text, number=number), context)

    def Collect(self, request_iterator, context):
        total = 0
        for request in request_iterator:
            total += self.Ask(request, context).number
        return exchange_pb2.Reply(number=total)


def start(servicer):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"


def main(record):
    backoffice = Backoffice()
    back, back_target = start(backoffice)
    back_channel = grpc.insecure_channel(back_target)
    backoffice.stub = exchange_pb2_grpc.ExchangeStub(back_channel)

    front, front_target = start(Front(backoffice.stub))
    with grpc.insecure_channel(front_target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        record("three deep", stub.Ask(exchange_pb2.Request(text="x", number=3)))
        record("own method", [reply.number for reply in stub.Watch(exchange_pb2.Request(text="w", number=3))])
        requests = [exchange_pb2.Request(text="c", number=n) for n in (1, 2)]
        record("collected", stub.Collect(iter(requests)).number)
        try:
            stub.Ask(exchange_pb2.Request())
        except grpc.RpcError as error:
            record("refused", error)
        try:
            list(stub.Watch(exchange_pb2.Request(number=1)))
        except grpc.RpcError as error:
            record("refused by the own method", error)
    front.stop(None).wait()
    back_channel.close()
    back.stop(None).wait()
