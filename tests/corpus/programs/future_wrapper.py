# shape: 7
# async: Handle.wait main
# cuts: GB402 GB404
"""A handle object keeps a call's future, to wait for it or to cancel it."""

import threading

import grpc

from tests.corpus.peers import Peer, serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Stuck(Peer):
    def __init__(self):
        super().__init__()
        self.ended = threading.Event()

    def Ask(self, request, context):
        if request.text == "stuck":
            context.add_callback(self.ended.set)
            self.ended.wait(10)
        return super().Ask(request, context)


class Handle:
    def __init__(self, future, label):
        self._future = future
        self.label = label

    @property
    def finished(self):
        return self._future.done()

    def cancel(self):
        return self._future.cancel()

    def wait(self, timeout=None):
        try:
            return "ok", self._future.result(timeout=timeout).text
        except grpc.FutureTimeoutError:
            return "timeout", None
        except grpc.FutureCancelledError:
            return "cancelled", None
        except grpc.RpcError as error:
            return "failed", error.code()


class Client:
    def __init__(self, channel):
        self._stub = exchange_pb2_grpc.ExchangeStub(channel)
        self.handles = []

    def submit(self, text, number=0):
        handle = Handle(self._stub.Ask.future(exchange_pb2.Request(text=text, number=number)), text)
        self.handles.append(handle)
        return handle

    def cancel_all(self):
        return [handle.cancel() for handle in self.handles if not handle.finished]


def main(record):
    peer = Stuck()
    with serving(peer) as target, grpc.insecure_channel(target) as channel:
        client = Client(channel)
        record("quick", client.submit("quick").wait())
        record("bad", client.submit("bad", number=-1).wait())
        stuck = client.submit("stuck")
        record("too slow", stuck.wait(timeout=0.05))
        record("cancelled", client.cancel_all())
        record("after that", stuck.wait())
        record("the peer saw it", peer.ended.wait(10))
