"""`abort_with_status`, and the ways of misusing it and `abort`."""

import collections
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "Status",
    "Status.code",
    "Status.details",
    "Status.trailing_metadata",
    "StatusCode",
    "ServicerContext.abort",
    "ServicerContext.abort_with_status",
)


_Status = collections.namedtuple("_Status", ("code", "details", "trailing_metadata"))  # noqa: PYI024


class Rich(_Status, grpc.Status):
    pass


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, record):
        self._record = record

    def Ask(self, request, context):
        if request.text == "rich":
            context.set_trailing_metadata((("early", "lost"),))
            context.abort_with_status(Rich(grpc.StatusCode.ABORTED, "rich", (("detail-bin", b"\x07"),)))
        elif request.text == "ok":
            context.abort(grpc.StatusCode.OK, "not an error")
        elif request.text == "code":
            context.abort(5, "by number")
        elif request.text == "caught":
            try:
                context.abort(grpc.StatusCode.NOT_FOUND, "caught")
            except Exception as error:
                self._record("abort raises", error.args)
                self._record("code and details", (context.code(), context.details()))
        context.abort(grpc.StatusCode[request.text], "")
        self._record("unreachable")

    def Watch(self, request, context):
        yield exchange_pb2.Reply(number=1)
        context.abort_with_status(Rich(grpc.StatusCode.DATA_LOSS, "torn", None))

    def Collect(self, request_iterator, context):
        for request in request_iterator:
            if request.number == 2:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "two is enough")
        return exchange_pb2.Reply()


def ask(record, name, stub):
    try:
        record(name, stub.Ask(exchange_pb2.Request(text=name), timeout=10))
    except grpc.RpcError as error:
        record(name, (error.code(), error.details(), error.trailing_metadata()))


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(record), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    for name in ("rich", "ok", "code", "caught"):
        ask(record, name, stub)
    for code in grpc.StatusCode:
        record("value", code.value)
        if code is not grpc.StatusCode.OK:
            ask(record, code.name, stub)
    replies = stub.Watch(exchange_pb2.Request())
    try:
        for reply in replies:
            record("watched", reply)
    except grpc.RpcError as error:
        record("watch", (error.code(), error.details(), error.trailing_metadata()))
    try:
        stub.Collect(iter([exchange_pb2.Request(number=number) for number in range(5)]))
    except grpc.RpcError as error:
        record("collect", (error.code(), error.details()))

    channel.close()
    server.stop(None).wait()
