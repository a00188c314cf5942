# shape: 6
# async: Commands.__anext__ Shell.run Shell.close main
# cuts:
"""An iterator class whose `__next__` blocks on a queue, and a client that reads one reply per request."""

import queue

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Commands:
    _END = None

    def __init__(self):
        self._queue = queue.Queue()

    def __iter__(self):
        return self

    def __next__(self):
        command = self._queue.get()
        if command is self._END:
            raise StopIteration
        return command

    def push(self, text):
        self._queue.put(exchange_pb2.Request(text=text))

    def finish(self):
        self._queue.put(self._END)


class Shell:
    def __init__(self, channel):
        self.stub = exchange_pb2_grpc.ExchangeStub(channel)
        self.commands = Commands()
        self.output = self.stub.Talk(self.commands)
        self.history = []

    def run(self, text):
        self.commands.push(text)
        self.history.append(text)
        return next(self.output).text

    def close(self):
        self.commands.finish()
        left = [reply.text for reply in self.output]
        return left, self.output.code()


def main(record):
    with serving() as target:
        channel = grpc.insecure_channel(target)
        shell = Shell(channel)
        record("ls", shell.run("ls"))
        record("pwd", shell.run("pwd"))
        shell.commands.push("late")
        record("closed", shell.close())
        record("history", shell.history)
        channel.close()
