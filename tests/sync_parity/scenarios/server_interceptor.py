"""A server interceptor that refuses calls without a token, and lets the others through."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


def refuse(request, context):  # noqa: ARG001
    context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")


class TokenRequired(grpc.ServerInterceptor):
    def __init__(self, token, record):
        self._token = token
        self._record = record

    def intercept_service(self, continuation, handler_call_details):
        self._record("method", handler_call_details.method)
        metadata = dict(handler_call_details.invocation_metadata)
        if metadata.get("token") == self._token:
            return continuation(handler_call_details)
        return grpc.unary_unary_rpc_method_handler(refuse)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        return exchange_pb2.Reply(text=request.text)


def main(record):
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=2), interceptors=(TokenRequired("secret", record),)
    )
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        for metadata in (None, (("token", "wrong"),), (("token", "secret"),)):
            try:
                record("reply", stub.Ask(exchange_pb2.Request(text="open"), metadata=metadata))
            except grpc.RpcError as error:
                record("error", (error.code(), error.details()))
    server.stop(None).wait()
