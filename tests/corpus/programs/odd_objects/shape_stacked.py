import functools

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        LOG.append(function.__name__)
        return function(*args, **kwargs)

    return wrapper


LOG = []


class Client:
    stub = None

    @property
    @logged
    def title(self):
        return self.stub.Ask(Request(text="title")).text

    @staticmethod
    @logged
    def static(stub, text):
        return stub.Ask(Request(text=text)).text

    @classmethod
    @logged
    def klass(cls, text):
        return cls.stub.Ask(Request(text=text)).text

    @logged
    @logged
    def twice(self, text):
        return self.stub.Ask(Request(text=text)).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        Client.stub = ExchangeStub(channel)
        client = Client()
        record("static", Client.static(client.stub, "s") + client.static(client.stub, "t"))
        record("klass", Client.klass("k") + client.klass("l"))
        record("twice", client.twice("w"))
        record("title", client.title)
        record("log", LOG)
