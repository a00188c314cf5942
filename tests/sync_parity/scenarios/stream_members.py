"""What a response stream answers while it runs and when it is over: it is a call and a future too."""

import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "Call",
    "RpcContext",
    "RpcContext.is_active",
    "RpcContext.time_remaining",
    "RpcContext.cancel",
    "RpcContext.add_callback",
    "ResponseStream.__iter__",
    "ResponseStream.__next__",
    "ResponseStream.next",
    "ResponseStream.is_active",
    "ResponseStream.time_remaining",
    "ResponseStream.add_callback",
    "ResponseStream.initial_metadata",
    "ResponseStream.trailing_metadata",
    "ResponseStream.code",
    "ResponseStream.details",
    "ResponseStream.debug_error_string",
    "ResponseStream.result",
    "ResponseStream.exception",
    "ResponseStream.traceback",
    "ResponseStream.done",
    "ResponseStream.running",
    "ResponseStream.cancelled",
    "ResponseStream.cancel",
    "ResponseStream.add_done_callback",
)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.release = threading.Event()

    def Watch(self, request, context):
        context.send_initial_metadata((("early", "1"),))
        yield exchange_pb2.Reply(number=1)
        yield exchange_pb2.Reply(number=2)
        self.release.wait(10)
        context.set_trailing_metadata((("late", "2"),))
        if request.text:
            context.abort(grpc.StatusCode.DATA_LOSS, request.text)
        yield exchange_pb2.Reply(number=3)


def states(replies):
    return {
        "active": replies.is_active(),
        "done": replies.done(),
        "running": replies.running(),
        "cancelled": replies.cancelled(),
    }


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    servicer = Exchange()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    replies = stub.Watch(exchange_pb2.Request(), timeout=60)
    record("is a", (isinstance(replies, grpc.Call), isinstance(replies, grpc.RpcContext)))
    record("initial metadata", replies.initial_metadata())
    record("next", next(replies))
    record("next as a method", replies.next())
    record("running", states(replies))
    record("time remaining", 30 < replies.time_remaining() <= 60)
    called = threading.Event()
    record("add_callback", replies.add_callback(called.set))
    done = threading.Event()
    replies.add_done_callback(lambda _: done.set())
    servicer.release.set()
    record("the rest", [reply.number for reply in replies])
    record("next at the end", next(replies, "nothing"))
    called.wait(10)
    done.wait(10)
    record("called", (called.is_set(), done.is_set()))
    record("finished", states(replies))
    record("code and details", (replies.code(), replies.details()))
    record("trailing metadata", replies.trailing_metadata())
    record("exception", replies.exception())
    record("traceback", replies.traceback())
    record("cancel when it is over", replies.cancel())
    record("add_callback when it is over", replies.add_callback(called.clear))
    late = []
    replies.add_done_callback(lambda call: late.append(call.code()))
    record("a late callback runs at once", late)

    failing = stub.Watch(exchange_pb2.Request(text="torn"))
    record("before it fails", (next(failing).number, next(failing).number))
    try:
        next(failing)
    except grpc.RpcError as error:
        record("failed", (error.code(), error.details(), error.trailing_metadata()))
    record("failed states", states(failing))
    record("exception of the failed one", failing.exception().code())
    record("traceback of the failed one", type(failing.traceback()).__name__)
    try:
        failing.result()
    except grpc.RpcError as error:
        record("result of the failed one", (error.code(), error.details()))
    record("debug_error_string names the status", "torn" in failing.debug_error_string())

    servicer.release.clear()
    left = stub.Watch(exchange_pb2.Request())
    record("one of the left one", next(left))
    record("cancel", left.cancel())
    record("left", states(left))
    record("trailing metadata of the left one", left.trailing_metadata())
    try:
        left.result()
    except grpc.FutureCancelledError as error:
        record("result of the left one", error)
    servicer.release.set()
    channel.close()
    server.stop(None).wait()
