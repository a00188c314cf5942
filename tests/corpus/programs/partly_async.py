# shape: 16
# async: Gateway.direct Gateway.fetch Gateway.fetch_many main
# cuts:
"""Code that is partly async: an executor around a sync stub, a sync stub inside `async def`, `asyncio.run` per call."""

import asyncio

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Gateway:
    def __init__(self, channel):
        self.stub = exchange_pb2_grpc.ExchangeStub(channel)

    async def fetch(self, text):
        loop = asyncio.get_running_loop()
        reply = await loop.run_in_executor(None, lambda: self.stub.Ask(exchange_pb2.Request(text=text)))
        return reply.text

    async def fetch_many(self, texts):
        return await asyncio.gather(*(self.fetch(text) for text in texts))

    async def direct(self, number):
        try:
            return self.stub.Ask(exchange_pb2.Request(number=number), timeout=5).number
        except grpc.RpcError as error:
            return error.code()


def main(record):
    with serving() as target:
        channel = grpc.insecure_channel(target)
        gateway = Gateway(channel)
        record("one", asyncio.run(gateway.fetch("one")))
        record("many", asyncio.run(gateway.fetch_many(["a", "b"])))
        record("direct", asyncio.run(gateway.direct(4)))
        record("direct, refused", asyncio.run(gateway.direct(-4)))
        channel.close()
