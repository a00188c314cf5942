"""`.future()`: result, exception, done callbacks, states."""

import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        if request.number < 0:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "below zero")
        return exchange_pb2.Reply(number=request.number * 2)


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    pending = [stub.Ask.future(exchange_pb2.Request(number=number)) for number in range(4)]
    record("results", [future.result() for future in pending])

    good = stub.Ask.future(exchange_pb2.Request(number=21), timeout=10)
    record("result", good.result(timeout=10))
    record("exception of a good one", good.exception())
    record("traceback of a good one", good.traceback())
    record("done, running, cancelled", (good.done(), good.running(), good.cancelled()))
    record("code", good.code())
    record("cancel when done", good.cancel())
    record("what it is", (isinstance(good, grpc.Future), isinstance(good, grpc.Call)))

    bad = stub.Ask.future(exchange_pb2.Request(number=-1))
    record("exception", bad.exception())
    try:
        bad.result()
    except grpc.RpcError as error:
        record("raised", (error.code(), error.details()))
    record("code of a bad one", bad.code())

    called = threading.Event()

    def on_done(future):
        record("callback is given the future", future is followed)
        record("callback result", future.result())
        record("callback code", future.code())
        called.set()

    followed = stub.Ask.future(exchange_pb2.Request(number=5))
    followed.add_done_callback(on_done)
    called.wait(10)
    record("called", called.is_set())

    channel.close()
    server.stop(None).wait()
