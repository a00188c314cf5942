# shape: 5
# async: conversation.exchange main
# cuts:
"""A context manager yields a closure over a queue and an iterator; StopIteration means the peer hung up."""

import queue
from contextlib import contextmanager

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class HungUp(Exception):
    pass


@contextmanager
def conversation(channel):
    stub = exchange_pb2_grpc.ExchangeStub(channel)
    requests = queue.Queue()
    responses = stub.Talk(iter(requests.get, None))

    def exchange(text, last=False):
        requests.put(None if last else exchange_pb2.Request(text=text))
        try:
            return next(responses).text
        except StopIteration:
            raise HungUp(text) from None

    try:
        yield exchange
    finally:
        requests.put(None)
        responses.cancel()


def main(record):
    with serving() as target:
        with grpc.insecure_channel(target) as channel:
            with conversation(channel) as exchange:
                record("first", exchange("one"))
                record("second", exchange("two"))
                try:
                    exchange("bye", last=True)
                except HungUp as error:
                    record("hung up", str(error))

            with conversation(channel) as exchange:
                try:
                    exchange("refuse")
                except grpc.RpcError as error:
                    record("refused", (error.code(), error.details()))
