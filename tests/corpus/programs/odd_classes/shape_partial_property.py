import functools
import threading
from dataclasses import dataclass, field

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


@dataclass
class Base:
    ask: functools.partial
    seen: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def asker(self):
        return self.ask


class Derived(Base):
    @property
    def asker(self):
        self.seen.append("read")
        return super().asker

    def many(self, names):
        with self.lock:
            return [self.asker(Request(text=name)).text for name in names]

    def one(self, name):
        return self.asker(Request(text=name)).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        derived = Derived(functools.partial(stub.Ask, timeout=10))
        record("many", derived.many(["a", "b"]))
        record("one", derived.one("c"))
        record("seen", derived.seen)
