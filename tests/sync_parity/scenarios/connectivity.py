"""A channel's connectivity, as told to subscribers, and futures that wait for it."""

import queue
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "Channel.subscribe",
    "Channel.unsubscribe",
    "Channel.close",
    "ChannelConnectivity",
    "channel_ready_future",
)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        return exchange_pb2.Reply(text=request.text)


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"


def main(record):
    server, target = serve()
    channel = grpc.insecure_channel(target)
    told = queue.Queue()
    record("subscribe", channel.subscribe(told.put))
    record("before a connection", told.get(timeout=10))
    channel.subscribe(told.put, try_to_connect=True)
    # Each subscriber is told of the state that it finds; the connection is made meanwhile.
    states = []
    while states.count(grpc.ChannelConnectivity.READY) < 2:
        states.append(told.get(timeout=10))
    record("connected", states[-1])
    record("unsubscribe", channel.unsubscribe(told.put))
    channel.close()

    channel = grpc.insecure_channel(target)
    ready = grpc.channel_ready_future(channel)
    called = queue.Queue()
    ready.add_done_callback(called.put)
    record("result", ready.result(timeout=10))
    record("its callback is given it", called.get(timeout=10) is ready)
    record("states", (ready.done(), ready.running(), ready.cancelled()))
    record("exception and traceback", (ready.exception(), ready.traceback()))
    record("cancel when ready", ready.cancel())
    late = []
    ready.add_done_callback(lambda future: late.append(future.done()))
    record("a late callback runs at once", late)
    channel.close()
    server.stop(None).wait()

    channel = grpc.insecure_channel(target)
    ready = grpc.channel_ready_future(channel)
    record("pending", (ready.done(), ready.running(), ready.cancelled()))
    try:
        ready.result(timeout=0.05)
    except grpc.FutureTimeoutError as error:
        record("not ready in time", error)
    try:
        ready.exception(timeout=0.05)
    except grpc.FutureTimeoutError as error:
        record("no exception in time", error)
    record("cancel", ready.cancel())
    record("cancelled", (ready.done(), ready.running(), ready.cancelled()))
    try:
        ready.result()
    except grpc.FutureCancelledError as error:
        record("result when cancelled", error)
    channel.close()

    record("states by number", [state.value for state in grpc.ChannelConnectivity])
