"""Wrappers of the user's own that derive from grpc's abstract classes and pass on to ours."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

# Callers of both colours know the class below as a multi-callable of grpcio's, so it stays as it is.
STAYS_SYNC = "GB706"


class CountingCallable(grpc.UnaryUnaryMultiCallable):
    def __init__(self, inner):
        self._inner = inner
        self.calls = 0

    def __call__(
        self, request, timeout=None, metadata=None, credentials=None, wait_for_ready=None, compression=None
    ):
        self.calls += 1
        return self._inner(request, timeout, metadata, credentials, wait_for_ready, compression)

    def with_call(
        self, request, timeout=None, metadata=None, credentials=None, wait_for_ready=None, compression=None
    ):
        self.calls += 1
        return self._inner.with_call(request, timeout, metadata, credentials, wait_for_ready, compression)

    def future(
        self, request, timeout=None, metadata=None, credentials=None, wait_for_ready=None, compression=None
    ):
        self.calls += 1
        return self._inner.future(request, timeout, metadata, credentials, wait_for_ready, compression)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        if not request.text:
            raise grpc.RpcError("a handler's own")
        return exchange_pb2.Reply(text=request.text)


def kind(result):
    """How programs learn what a call was."""
    return {
        "call": isinstance(result, grpc.Call),
        "future": isinstance(result, grpc.Future),
        "error": isinstance(result, grpc.RpcError),
        "pair": isinstance(result, tuple),
    }


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        counting = CountingCallable(stub.Ask)
        record("reply", counting(exchange_pb2.Request(text="one")))
        reply, call = counting.with_call(exchange_pb2.Request(text="two"))
        record("with_call", (reply, call.code()))
        future = counting.future(exchange_pb2.Request(text="three"))
        record("future is", kind(future))
        record("future", future.result())
        record("calls", counting.calls)
        bad = counting.future(exchange_pb2.Request())
        error = bad.exception()
        record("error", (error.code(), error.details()))
        record("error is", kind(error))
    server.stop(None).wait()
