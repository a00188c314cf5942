import asyncio

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def ask(stub, text):
    return stub.Ask(Request(text=text)).text


async def in_thread(stub, text):
    return await asyncio.get_running_loop().run_in_executor(None, ask, stub, text)


async def to_thread(stub, text):
    return await asyncio.to_thread(ask, stub, text)


async def gathered(stub):
    return await asyncio.gather(
        in_thread(stub, "a"), to_thread(stub, "b"), asyncio.to_thread(stub.Ask, Request(text="c"))
    )


async def stream(stub):
    loop = asyncio.get_running_loop()
    replies = await loop.run_in_executor(None, lambda: list(stub.Watch(Request(number=2))))
    return [reply.number for reply in replies]


class Session:
    def __init__(self, stub):
        self.stub = stub

    async def __aenter__(self):
        self.title = await asyncio.to_thread(ask, self.stub, "in")
        return self

    async def __aexit__(self, *error):
        return None

    def ask(self, text):
        return ask(self.stub, text)


async def session(stub):
    async with Session(stub) as opened:
        return opened.title, await asyncio.to_thread(opened.ask, "s")


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        a, b, c = asyncio.run(gathered(stub))
        record("gathered", (a, b, c.text))
        record("stream", asyncio.run(stream(stub)))
        record("session", asyncio.run(session(stub)))
        record("ask", ask(stub, "x"))
