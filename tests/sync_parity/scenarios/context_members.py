"""Everything that a handler's context answers, in a unary handler and in a stream."""

import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "ServicerContext",
    "ServicerContext.is_active",
    "ServicerContext.time_remaining",
    "ServicerContext.cancel",
    "ServicerContext.add_callback",
    "ServicerContext.invocation_metadata",
    "ServicerContext.send_initial_metadata",
    "ServicerContext.set_trailing_metadata",
    "ServicerContext.trailing_metadata",
    "ServicerContext.set_code",
    "ServicerContext.set_details",
    "ServicerContext.code",
    "ServicerContext.details",
    "RequestIterator.__iter__",
    "RequestIterator.__next__",
    "RequestIterator.next",
)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, record):
        self._record = record
        self.collected = threading.Event()
        self.ended = threading.Event()
        self.cancelled = self.active = None

    def Ask(self, request, context):
        record = self._record
        record("is a", (isinstance(context, grpc.ServicerContext), isinstance(context, grpc.RpcContext)))
        record("active", context.is_active())
        record("deadline", 30 < context.time_remaining() < 61)
        record("metadata", [item for item in context.invocation_metadata() if item.key.startswith("x-")])
        record("code, details, trailing", (context.code(), context.details(), context.trailing_metadata()))
        record("add_callback", context.add_callback(self.ended.set))
        record("send initial metadata", context.send_initial_metadata((("early", "1"),)))
        try:
            context.send_initial_metadata((("early", "2"),))
        except ValueError as error:
            record("initial metadata twice", error)
        record("set trailing metadata", context.set_trailing_metadata((("late", "1"),)))
        context.set_trailing_metadata((("late", "2"), ("late-bin", b"\x00")))
        record("trailing metadata", context.trailing_metadata())
        record("set code", context.set_code(grpc.StatusCode.ALREADY_EXISTS))
        record("set details", context.set_details("it is there"))
        record("code and details", (context.code(), context.details()))
        context.note = "a handler's own"
        record("an attribute of one's own", context.note)
        return exchange_pb2.Reply(text="not seen")

    def Watch(self, request, context):
        over = threading.Event()
        context.add_callback(over.set)
        yield exchange_pb2.Reply(number=1)
        self.cancelled = context.cancel()
        over.wait(10)
        self.active = context.is_active()
        self.ended.set()

    def Talk(self, request_iterator, context):
        self._record("its own iterator", iter(request_iterator) is request_iterator)
        yield exchange_pb2.Reply(number=next(request_iterator).number)
        yield exchange_pb2.Reply(number=request_iterator.next().number)
        for request in request_iterator:
            yield exchange_pb2.Reply(number=request.number * 10)
        self._record("after the end", next(request_iterator, "nothing"))
        self._record("without a deadline", context.time_remaining() > 1000000)

    def Collect(self, request_iterator, context):
        heard = threading.Event()
        context.add_callback(heard.set)
        try:
            self._record("collected", next(request_iterator).number)
            self.collected.set()
            heard.wait(10)
            self._record("unexpected", next(request_iterator, None))
        except BaseException as error:
            self._record("what ends the requests", type(error))
            raise
        finally:
            heard.wait(10)
            self._record("active when the client is gone", context.is_active())
            self._record("add_callback when it is over", context.add_callback(heard.clear))
            self.ended.set()
        return exchange_pb2.Reply()


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    servicer = Exchange(record)
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    try:
        stub.Ask(exchange_pb2.Request(), timeout=60, metadata=(("x-one", "1"), ("x-two-bin", b"\x02")))
    except grpc.RpcError as error:
        record("error", (error.code(), error.details()))
        record("error's metadata", (error.initial_metadata(), error.trailing_metadata()))
    servicer.ended.wait(10)
    record("callback", servicer.ended.is_set())

    servicer.ended.clear()
    try:
        for reply in stub.Watch(exchange_pb2.Request()):
            record("watched", reply)
    except grpc.RpcError as error:
        record("cancelled by the handler", error.code())
    servicer.ended.wait(10)
    record("cancel in the handler, active after it", (servicer.cancelled, servicer.active))

    requests = [exchange_pb2.Request(number=number) for number in range(1, 5)]
    record("talked", [reply.number for reply in stub.Talk(iter(requests))])

    servicer.ended.clear()
    release = threading.Event()

    def one_request():
        yield exchange_pb2.Request(number=9)
        release.wait(10)

    call = stub.Collect.future(one_request())
    servicer.collected.wait(10)
    record("cancel", call.cancel())
    servicer.ended.wait(10)
    record("ended", servicer.ended.is_set())
    release.set()

    channel.close()
    server.stop(None).wait()
