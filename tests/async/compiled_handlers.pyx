# cython: language_level=3
"""Handlers as Cython compiles them, in every shape; with `binding` off they tell even less of themselves."""

import asyncio
import cython

from tests.protos.exchange_pb2 import Reply


def ask(request, context):
    return Reply(text="a " + request.text)


async def ask_async(request, context):
    await asyncio.sleep(0)
    return Reply(text="a " + request.text)


@cython.binding(False)
async def ask_async_unbound(request, context):
    await asyncio.sleep(0)
    return Reply(text="a " + request.text)


def watch(request, context):
    for number in range(request.number):
        yield Reply(number=number)


async def watch_async(request, context):
    for number in range(request.number):
        await asyncio.sleep(0)
        yield Reply(number=number)


@cython.binding(False)
async def watch_async_unbound(request, context):
    for number in range(request.number):
        await asyncio.sleep(0)
        yield Reply(number=number)


async def watch_on_context(context):
    request = await context.receive()
    for number in range(request.number):
        await context.send(Reply(number=number))


class Servicer:
    async def ask_async(self, request, context):
        return await ask_async(request, context)

    async def watch_async(self, request, context):
        async for reply in watch_async(request, context):
            yield reply
