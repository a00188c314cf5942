"""Server interceptors that wrap handlers of the four kinds, refuse, and see each other's work in order."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "ServerInterceptor",
    "ServerInterceptor.intercept_service",
    "RpcMethodHandler.request_streaming",
    "RpcMethodHandler.response_streaming",
    "RpcMethodHandler.request_deserializer",
    "RpcMethodHandler.response_serializer",
    "RpcMethodHandler.unary_unary",
    "RpcMethodHandler.unary_stream",
    "RpcMethodHandler.stream_unary",
    "RpcMethodHandler.stream_stream",
)


class Wrapping(grpc.ServerInterceptor):
    def __init__(self, name, record):
        self._name = name
        self._record = record

    def _one(self, behavior):
        def wrapped(request_or_iterator, context):
            self._record(f"{self._name} before")
            reply = behavior(request_or_iterator, context)
            self._record(f"{self._name} after", reply)
            return exchange_pb2.Reply(text=f"{reply.text}<{self._name}", number=reply.number)

        return wrapped

    def _many(self, behavior):
        def wrapped(request_or_iterator, context):
            for reply in behavior(request_or_iterator, context):
                yield exchange_pb2.Reply(text=f"{reply.text}<{self._name}", number=reply.number)

        return wrapped

    def intercept_service(self, continuation, handler_call_details):
        handler = continuation(handler_call_details)
        if handler is None:
            self._record(f"{self._name} finds nothing", handler_call_details.method)
            return None
        self._record(f"{self._name} shape", (handler.request_streaming, handler.response_streaming))
        if handler.request_streaming and handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._many(handler.stream_stream), handler.request_deserializer, handler.response_serializer
            )
        if handler.request_streaming:
            return grpc.stream_unary_rpc_method_handler(
                self._one(handler.stream_unary), handler.request_deserializer, handler.response_serializer
            )
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._many(handler.unary_stream), handler.request_deserializer, handler.response_serializer
            )
        return grpc.unary_unary_rpc_method_handler(
            self._one(handler.unary_unary), handler.request_deserializer, handler.response_serializer
        )


class Raising(grpc.ServerInterceptor):
    def intercept_service(self, continuation, handler_call_details):
        if dict(handler_call_details.invocation_metadata).get("raise"):
            raise LookupError("the interceptor's own")
        return continuation(handler_call_details)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        return exchange_pb2.Reply(text=request.text)

    def Watch(self, request, context):
        for number in range(2):
            yield exchange_pb2.Reply(text=request.text, number=number)

    def Collect(self, request_iterator, context):
        return exchange_pb2.Reply(number=sum(request.number for request in request_iterator))

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield exchange_pb2.Reply(number=request.number)


def requests():
    for number in (1, 2):
        yield exchange_pb2.Request(number=number)


def main(record):
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=2),
        interceptors=(Raising(), Wrapping("outer", record), Wrapping("inner", record)),
    )
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        record("unary", stub.Ask(exchange_pb2.Request(text="hi")))
        record("server streaming", list(stub.Watch(exchange_pb2.Request(text="hi"))))
        record("client streaming", stub.Collect(requests()))
        record("both streaming", list(stub.Talk(requests())))
        try:
            channel.unary_unary("/test.Missing/Method")(b"")
        except grpc.RpcError as error:
            record("no such method", (error.code(), error.details()))
        try:
            stub.Ask(exchange_pb2.Request(), metadata=(("raise", "yes"),))
        except grpc.RpcError as error:
            record("an interceptor that raises", (error.code(), error.details()))
    server.stop(None).wait()
