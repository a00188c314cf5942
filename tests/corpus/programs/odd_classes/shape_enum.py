import enum
from functools import partial

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Kind(enum.Enum):
    UP = "up"
    DOWN = "down"

    def ask(self, stub):
        return stub.Ask(Request(text=self.value)).text

    @classmethod
    def all(cls, stub):
        return [kind.ask(stub) for kind in cls]

    @property
    def label(self):
        return self.value.title()


def up(stub):
    return stub.Ask(Request(text="up")).text


def down(stub):
    return "down"


class Action(enum.Enum):
    UP = partial(up)
    DOWN = partial(down)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("ask", Kind.UP.ask(stub))
        record("by value", Kind("down").ask(stub))
        record("by name", Kind["UP"].ask(stub))
        record("all", Kind.all(stub))
        record("each", [kind.ask(stub) + kind.label for kind in Kind])
        record("action", Action.UP.value(stub))
