# shape: 4
# async: translated.decorate.async_wrapper Client.ask main
# cuts:
"""One decorator with arguments, used on a method that calls and on one that only computes."""

import functools
import logging

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc

log = logging.getLogger("client")


class ClientError(Exception):
    pass


def translated(*kinds, default=None):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            try:
                return function(*args, **kwargs)
            except kinds as error:
                log.info("%s failed", function.__name__)
                if default is not None:
                    return default
                raise ClientError(type(error).__name__) from error

        return wrapper

    return decorate


class Client:
    def __init__(self, stub):
        self.stub = stub

    @translated(grpc.RpcError, ValueError, default="nothing")
    def ask(self, text, number=0):
        return self.stub.Ask(exchange_pb2.Request(text=self.normalised(text), number=number)).text

    @translated(ValueError)
    def normalised(self, text):
        if not text:
            raise ValueError(text)
        return text.strip()


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        client = Client(exchange_pb2_grpc.ExchangeStub(channel))
        record("asked", client.ask("  hello "))
        record("refused", client.ask("hello", number=-1))
        record("computed", client.normalised(" x "))
        try:
            client.normalised("")
        except ClientError as error:
            record("bad input", str(error))
