"""A future before, while and after: waiting with a timeout, callbacks added early and late."""

import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "Future",
    "Future.cancel",
    "Future.cancelled",
    "Future.running",
    "Future.done",
    "Future.result",
    "Future.exception",
    "Future.traceback",
    "Future.add_done_callback",
    "Future.is_active",
    "Future.time_remaining",
    "Future.add_callback",
    "Future.initial_metadata",
    "Future.trailing_metadata",
    "Future.code",
    "Future.details",
    "Future.debug_error_string",
    "FutureTimeoutError",
    "FutureCancelledError",
)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.release = threading.Event()

    def Ask(self, request, context):
        context.send_initial_metadata((("early", "1"),))
        self.release.wait(10)
        context.set_trailing_metadata((("late", "2"),))
        if request.number < 0:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "below zero")
        return exchange_pb2.Reply(number=request.number + 1)


def states(future):
    return {
        "done": future.done(),
        "running": future.running(),
        "cancelled": future.cancelled(),
        "active": future.is_active(),
    }


def record_in_time(record, name, wait):
    try:
        record(name, wait(timeout=0.05))
    except grpc.FutureTimeoutError as error:
        record(name, ("timed out", error))


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    servicer = Exchange()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    good = stub.Ask.future(exchange_pb2.Request(number=1), timeout=60)
    bad = stub.Ask.future(exchange_pb2.Request(number=-1))
    dropped = stub.Ask.future(exchange_pb2.Request(number=5))
    record("is a future", isinstance(good, grpc.Future))
    record("pending", states(good))
    record("time remaining", 30 < good.time_remaining() <= 60)
    record("time remaining without a deadline", bad.time_remaining())
    record_in_time(record, "result in time", good.result)
    try:
        good.exception(timeout=0.05)
    except grpc.FutureTimeoutError as error:
        record("exception in time", error)
    try:
        good.traceback(timeout=0.05)
    except grpc.FutureTimeoutError as error:
        record("traceback in time", error)

    called = []
    ended = threading.Event()
    good.add_done_callback(lambda _: called.append("first"))
    good.add_done_callback(lambda future: called.append(future.result().number))
    record("add_callback while it runs", good.add_callback(ended.set))

    record("cancel", dropped.cancel())
    record("cancelled", states(dropped))
    record("cancel again", dropped.cancel())
    for name, wait in (
        ("result", dropped.result),
        ("exception", dropped.exception),
        ("traceback", dropped.traceback),
    ):
        try:
            wait()
        except grpc.FutureCancelledError as error:
            record(f"{name} of the cancelled one", error)
    record("code of the cancelled one", dropped.code())
    record("details of the cancelled one", dropped.details())

    servicer.release.set()
    record("result", good.result(timeout=10))
    record("finished", states(good))
    ended.wait(10)
    record("callbacks", called)
    good.add_done_callback(lambda _: called.append("late"))
    record("a late callback runs at once", called)
    record("add_callback when it is over", good.add_callback(ended.clear))
    record("exception", good.exception(timeout=10))
    record("initial metadata", good.initial_metadata())
    record("traceback", good.traceback(timeout=10))
    record("trailing metadata", good.trailing_metadata())
    record("code and details", (good.code(), good.details()))

    error = bad.exception(timeout=10)
    record("exception of the bad one", error)
    record("traceback of the bad one", type(bad.traceback(timeout=10)).__name__)
    record("finished badly", states(bad))
    record("trailing metadata of the bad one", bad.trailing_metadata())
    record("debug_error_string names the status", "below zero" in bad.debug_error_string())
    try:
        bad.result()
    except grpc.RpcError as raised:
        record("raised", (raised.code(), raised.details()))

    channel.close()
    server.stop(None).wait()
