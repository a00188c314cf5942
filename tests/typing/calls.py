"""What type checkers say of calls; a line that one has to report carries a comment with its name."""

from __future__ import annotations

import asyncio

import grpc

import grpc_bridge
from grpc_bridge import aio
from tests.protos.exchange_pb2 import Reply, Request


def serialized(request: Request) -> bytes:
    return request.SerializeToString()


async def on_a_channel_of_our_aio() -> None:
    async with aio.insecure_channel("localhost:50051") as channel:
        ask = channel.unary_unary("/s/Ask", serialized, Reply.FromString)
        watch = channel.unary_stream("/s/Watch", serialized, Reply.FromString)
        collect = channel.stream_unary("/s/Collect", serialized, Reply.FromString)
        talk = channel.stream_stream("/s/Talk", serialized, Reply.FromString)

        reply: Reply = await ask(Request())
        _: str = await ask(Request())  # mypy, pyright
        await ask(Reply())  # mypy, pyright
        ask(Request())  # mypy, pyright
        ask.with_call(Request())  # mypy, pyright
        ask.future(Request())
        both = await asyncio.gather(ask(Request()), collect([Request()]))
        print(reply.text, both[0].text, both[1].number)

        async for one in watch(Request()):
            print(one.number)
        collect([Request()])  # mypy, pyright

        async with talk() as call:
            await call.send(Request())
            call.send(Request())  # mypy, pyright
            await call.send(Reply())  # mypy, pyright
            answer: Reply = await call.receive()
            call.done_sending()  # mypy, pyright
            print(answer.text)

        takes_a_channel_of_grpc_aio(channel)


def takes_a_channel_of_grpc_aio(channel: grpc.aio.Channel) -> None:
    channel.get_state()


def in_the_main_namespace() -> None:
    # The same stub is called from threads and from coroutines, so what a call gives is not told.
    with grpc_bridge.insecure_channel("localhost:50051") as channel:
        ask = channel.unary_unary("/s/Ask", serialized, Reply.FromString)
        ask(Request())
        reply: Reply = ask(Request())
        print(reply.text)
    try:
        pass
    except grpc_bridge.EOF:
        pass
    print(grpc_bridge.no_such_name)  # mypy, pyright
