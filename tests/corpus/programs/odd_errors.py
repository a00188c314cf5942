# shape: 18
# async: Odd.Ask main
# cuts:
"""`raise grpc.RpcError()` after `set_code`, code after `context.abort`, a handler of the wrong shape."""

from concurrent import futures

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Odd(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, backend):
        self.backend = backend
        self.after_abort = 0

    def Ask(self, request, context):
        reply = self.backend.Ask(request)
        if request.text == "raise":
            context.set_code(grpc.StatusCode.FAILED_PRECONDITION)
            context.set_details("set, then raised")
            raise grpc.RpcError()
        if request.text == "abort":
            context.abort(grpc.StatusCode.ABORTED, "enough")
            self.after_abort += 1
            return exchange_pb2.Reply(text="never seen")
        return reply

    def Watch(self):
        yield exchange_pb2.Reply()

    def Collect(self, request_iterator, context):
        return None


def main(record):
    with serving() as backend, grpc.insecure_channel(backend) as backend_channel:
        odd = Odd(exchange_pb2_grpc.ExchangeStub(backend_channel))
        server = grpc.server(futures.ThreadPoolExecutor(4))
        exchange_pb2_grpc.add_ExchangeServicer_to_server(odd, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = exchange_pb2_grpc.ExchangeStub(channel)
            for text in ("plain", "raise", "abort"):
                try:
                    record(text, stub.Ask(exchange_pb2.Request(text=text)))
                except grpc.RpcError as error:
                    record(text, error.code())
            try:
                list(stub.Watch(exchange_pb2.Request()))
            except grpc.RpcError as error:
                record("wrong shape", error.code())
        server.stop(None).wait()
        record("after the abort", odd.after_abort)
