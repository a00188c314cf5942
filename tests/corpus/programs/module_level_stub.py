# shape: 9
# async: AccountView.get balance_page main
# stays: Refresher.run
# cuts: GB402 GB703
"""A channel made at import, its stub used from views, from a servicer and from a thread."""

import threading
from concurrent import futures

import grpc

from tests.corpus.peers import Peer
from tests.protos import exchange_pb2, exchange_pb2_grpc

PORT_FOUND = {}


def _serve_backend():
    server = grpc.server(futures.ThreadPoolExecutor(4))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Peer(), server)
    PORT_FOUND["backend"] = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server


backend = _serve_backend()
channel = grpc.insecure_channel(f"127.0.0.1:{PORT_FOUND['backend']}")
stub = exchange_pb2_grpc.ExchangeStub(channel)


class AccountView:
    """What a web framework would call."""

    def get(self, name):
        try:
            reply = stub.Ask(exchange_pb2.Request(text=name, number=len(name)))
        except grpc.RpcError as error:
            return 502, error.details()
        return 200, reply.text


def balance_page(names):
    view = AccountView()
    return "\n".join(f"{status} {body}" for status, body in [view.get(name) for name in names])


class Refresher:
    def __init__(self):
        self.seen = []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        for number in range(3):
            self.seen.append(stub.Ask(exchange_pb2.Request(number=number)).number)


def main(record):
    record("page", balance_page(["ann", "bob"]))
    refresher = Refresher()
    refresher.thread.start()
    refresher.thread.join()
    record("refreshed", refresher.seen)
    channel.close()
    backend.stop(None).wait()
