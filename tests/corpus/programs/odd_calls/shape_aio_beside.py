import asyncio

import grpc
from grpc import aio

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


async def aio_ask(target, text):
    async with aio.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        reply = await stub.Ask(Request(text=text))
        return reply.text


async def aio_watch(target, number):
    async with grpc.aio.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        return [reply.number async for reply in stub.Watch(Request(number=number))]


def ask(stub, text):
    return stub.Ask(Request(text=text)).text


def both(target, stub):
    return asyncio.run(aio_ask(target, "a")), ask(stub, "b")


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("both", both(target, stub))
        record("watch", asyncio.run(aio_watch(target, 3)))
        record("ask", ask(stub, "c"))
