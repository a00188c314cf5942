"""Everything that a raised error answers: it is a finished call as well."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "RpcError",
    "RpcError.code",
    "RpcError.details",
    "RpcError.initial_metadata",
    "RpcError.trailing_metadata",
    "RpcError.debug_error_string",
)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        context.send_initial_metadata((("early", "1"),))
        context.set_trailing_metadata((("late-bin", b"\x01"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "näher 不")

    def Collect(self, request_iterator, context):
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"after {len(list(request_iterator))}")


def show(record, name, error):
    record(f"{name}: is a", (isinstance(error, grpc.RpcError), isinstance(error, grpc.Call)))
    record(f"{name}: code", error.code())
    record(f"{name}: details", error.details())
    record(f"{name}: initial metadata", error.initial_metadata())
    record(f"{name}: trailing metadata", error.trailing_metadata())
    record(f"{name}: debug_error_string", error.details() in error.debug_error_string())
    record(f"{name}: its text names the code", error.code().name in str(error))
    record(f"{name}: its text has the details", error.details() in str(error))


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    try:
        stub.Ask(exchange_pb2.Request())
    except grpc.RpcError as error:
        show(record, "unary", error)
    try:
        stub.Ask.with_call(exchange_pb2.Request())
    except grpc.RpcError as error:
        show(record, "with_call", error)
    try:
        stub.Collect(iter([exchange_pb2.Request()] * 3))
    except grpc.RpcError as error:
        show(record, "client streaming", error)
    try:
        stub.Collect.future(iter([exchange_pb2.Request()])).result()
    except grpc.RpcError as error:
        show(record, "future", error)

    channel.close()
    server.stop(None).wait()
