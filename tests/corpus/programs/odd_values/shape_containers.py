import collections
import weakref

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Client:
    def __init__(self, stub, name):
        self.stub, self.name = stub, name

    def ask(self):
        return self.stub.Ask(Request(text=self.name)).text


class Clients(dict):
    def __init__(self, stub):
        super().__init__()
        self.stub = stub

    def __missing__(self, name):
        self[name] = Client(self.stub, name)
        return self[name]


class Keyed:
    def __init__(self, stub):
        self._clients = {}
        self.stub = stub

    def __getitem__(self, name):
        return self._clients.setdefault(name, Client(self.stub, name))

    def __iter__(self):
        return iter(self._clients.values())


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        default = collections.defaultdict(lambda: Client(stub, "default"))
        record("default", default["x"].ask())
        record("missing", Clients(stub)["m"].ask())
        keyed = Keyed(stub)
        record("keyed", keyed["k"].ask() + "".join(client.ask() for client in keyed))
        weak = weakref.WeakValueDictionary()
        weak["w"] = kept = Client(stub, "w")
        record("weak", weak["w"].ask() + kept.name)
        chain = collections.ChainMap({"a": Client(stub, "a")}, {"b": Client(stub, "b")})
        record("chain", [chain[k].ask() for k in "ab"])
        queue = collections.deque([Client(stub, "q")])
        record("deque", queue.popleft().ask())
        record("counter", sorted(collections.Counter(stub.Ask(Request(text=t)).text for t in "aab").items()))
        frozen = frozenset([kept])
        record("frozen", [c.ask() for c in frozen])
        record("sorted", [c.ask() for c in sorted([kept], key=lambda c: c.name)])
        record("reversed", [c.ask() for c in reversed([kept])])
