# shape: cuts
# async: Session.greet main
# stays: Session.__del__ Reloader.on_signal farewell
# cuts: GB714 GB718
# warns: BlockingCallWarning
"""RPCs that the interpreter asks for on the main thread: in finalizers and in a signal handler."""

import os
import signal
import weakref

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Session:
    def __init__(self, stub, name):
        self.stub = stub
        self.name = name

    def greet(self):
        return self.stub.Ask(Request(text=self.name)).text

    def __del__(self):
        print("closed", self.stub.Ask(Request(text=f"bye {self.name}")).text)


class Reloader:
    def __init__(self, stub):
        self.stub = stub
        signal.signal(signal.SIGUSR1, self.on_signal)

    def on_signal(self, number, frame):
        print("reloaded", [reply.number for reply in self.stub.Watch(Request(number=2))])


class Ticket:
    """Something to outlive."""


def farewell(stub):
    print("farewell", stub.Ask(Request(text="farewell")).text)


def main():
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        session = Session(stub, "one")
        print(session.greet())
        del session
        Reloader(stub)
        os.kill(os.getpid(), signal.SIGUSR1)
        ticket = Ticket()
        weakref.finalize(ticket, farewell, stub)
        del ticket
        print("last", stub.Ask(Request(text="last")).text)


if __name__ == "__main__":
    main()
