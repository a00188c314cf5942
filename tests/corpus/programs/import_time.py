# shape: cuts
# async: load watched main
# stays:
# cuts: GB502
"""RPCs while a module is imported: at its top level, in the body of a class, in defaults."""

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

SERVING = serving()
CHANNEL = grpc.insecure_channel(SERVING.__enter__())
STUB = ExchangeStub(CHANNEL)


def load(name):
    return STUB.Ask(Request(text=name)).text


def watched(number):
    return [reply.number for reply in STUB.Watch(Request(number=number))]


class Settings:
    title = load("title")
    sizes = [reply.number for reply in STUB.Watch(Request(number=2))]

    def greeting(self, name=STUB.Ask(Request(text="you")).text):
        return f"{self.title} {name}"


if load("mode") == "MODE":
    MODE = "known"
else:
    MODE = "unknown"

NUMBERS = watched(3)


def main():
    print(Settings.title, Settings.sizes, Settings().greeting(), MODE, NUMBERS)
    print(load("again"), watched(1))
    CHANNEL.close()
    SERVING.__exit__(None, None, None)


if __name__ == "__main__":
    main()
