# shape: 12
# async: main
# stays: Relay.Ask Relay.Collect collected
# cuts: GB706
"""A server interceptor that wraps handlers and calls one with a plain list; the handlers wait for a backend."""

from concurrent import futures

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


def _wrap(handler, around):
    if handler.request_streaming and not handler.response_streaming:
        def collected(request_iterator, context):
            return around(handler.stream_unary, list(request_iterator), context)

        return grpc.stream_unary_rpc_method_handler(
            collected, handler.request_deserializer, handler.response_serializer
        )
    if not handler.request_streaming and not handler.response_streaming:
        def unary(request, context):
            return around(handler.unary_unary, request, context)

        return grpc.unary_unary_rpc_method_handler(
            unary, handler.request_deserializer, handler.response_serializer
        )
    return handler


class Counting(grpc.ServerInterceptor):
    def __init__(self):
        self.counts = {}

    def intercept_service(self, continuation, handler_call_details):
        method = handler_call_details.method.rpartition("/")[2]

        def around(behavior, request_or_list, context):
            size = len(request_or_list) if isinstance(request_or_list, list) else 1
            self.counts[method] = self.counts.get(method, 0) + size
            reply = behavior(request_or_list, context)
            reply.text += "!"
            return reply

        handler = continuation(handler_call_details)
        return handler and _wrap(handler, around)


class Relay(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, stub):
        self.stub = stub

    def Ask(self, request, context):
        return self.stub.Ask(request)

    def Collect(self, request_iterator, context):
        return self.stub.Collect(iter(list(request_iterator)))


def main(record):
    counting = Counting()
    with serving() as backend, grpc.insecure_channel(backend) as backend_channel:
        server = grpc.server(futures.ThreadPoolExecutor(4), interceptors=(counting,))
        relay = Relay(exchange_pb2_grpc.ExchangeStub(backend_channel))
        exchange_pb2_grpc.add_ExchangeServicer_to_server(relay, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = exchange_pb2_grpc.ExchangeStub(channel)
            record("ask", stub.Ask(exchange_pb2.Request(text="hi")).text)
            record("collect", stub.Collect(exchange_pb2.Request(number=n) for n in (1, 2, 3)))
        server.stop(None).wait()
    record("counts", sorted(counting.counts.items()))
