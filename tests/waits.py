"""Programs that wait in every way there is, and servers that count the RPCs that are open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc.aio

from .conftest import PATIENCE, Servicer
from .points import Points
from .protos.exchange_pb2 import Reply, Request


class Counted(Servicer):
    """The four arities, each with waits of its own; how many RPCs are open."""

    def __init__(self) -> None:
        self._open, self._lock = 0, threading.Lock()

    def open_rpcs(self) -> int:
        return self._open

    def _count(self, change: int) -> None:
        with self._lock:
            self._open += change

    def _enter(self, context: Any) -> None:
        self._count(1)
        if not context.add_callback(lambda: self._count(-1)):
            self._count(-1)


class Functions(Counted):
    def Ask(self, request, context):
        self._enter(context)
        context.send_initial_metadata((("came", "early"),))
        return Reply(text=request.text)

    def Watch(self, request, context):
        self._enter(context)
        for number in range(3):
            yield Reply(number=number)

    def Collect(self, request_iterator, context):
        self._enter(context)
        return Reply(number=sum(request.number for request in request_iterator))

    def Talk(self, request_iterator, context):
        self._enter(context)
        for request in request_iterator:
            yield Reply(number=request.number)


class Coroutines(Counted):
    async def Ask(self, request, context):
        self._enter(context)
        await context.send_initial_metadata((("came", "early"),))
        await asyncio.sleep(0)
        return Reply(text=request.text)

    async def Watch(self, request, context):
        self._enter(context)
        for number in range(3):
            await asyncio.sleep(0)
            yield Reply(number=number)

    async def Collect(self, request_iterator, context):
        self._enter(context)
        return Reply(number=sum([request.number async for request in request_iterator]))

    async def Talk(self, request_iterator, context):
        self._enter(context)
        async for request in request_iterator:
            await asyncio.sleep(0)
            yield Reply(number=request.number)


REQUESTS = [Request(number=number) for number in range(3)]


async def made_slowly() -> AsyncIterator[Request]:
    for request in REQUESTS:
        await asyncio.sleep(0)
        yield request


def made_in_a_thread() -> Iterator[Request]:
    yield from REQUESTS


async def is_asked(stub: Any) -> None:
    call = stub.Ask.future(Request())
    await call.initial_metadata()
    await call.code()
    await call.details()
    await call.trailing_metadata()
    await call.result(PATIENCE)
    await call.exception(PATIENCE)


async def is_read(stub: Any) -> None:
    call = stub.Watch(Request())
    await call.wait_for_connection()
    while await call.read() is not grpc.aio.EOF:
        pass
    await call.code()


async def is_iterated(call: Any) -> None:
    async for _ in call:
        pass


async def is_received(stub: Any) -> None:
    async with stub.Watch(Request()) as call:
        for _ in range(3):
            await call.receive()


async def collect_written(stub: Any) -> None:
    call = stub.Collect()
    for request in REQUESTS:
        await call.write(request)
    await call.done_writing()
    await call


async def collect_sent(stub: Any) -> None:
    async with stub.Collect() as call:
        for request in REQUESTS:
            await call.send(request)


async def talk_written_and_read(stub: Any) -> None:
    call = stub.Talk()
    for request in REQUESTS:
        await call.write(request)
        await call.read()
    await call.done_writing()
    await call.read()


async def talk_sent_and_received(stub: Any) -> None:
    async with stub.Talk() as call:
        for request in REQUESTS:
            await call.send(request)
            await call.receive()
        await call.done_sending()


async def gathered(stub: Any) -> None:
    async def collect() -> None:
        await stub.Collect(made_slowly())

    await asyncio.gather(is_asked(stub), is_read(stub), collect(), talk_sent_and_received(stub))


async def waited_for(stub: Any) -> None:
    await asyncio.wait_for(talk_sent_and_received(stub), PATIENCE)


PROGRAMS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "unary": lambda stub: stub.Ask(Request()),
    "with_call": lambda stub: stub.Ask.with_call(Request()),
    "a future, asked": is_asked,
    "responses, iterated": lambda stub: is_iterated(stub.Watch(Request())),
    "responses, read": is_read,
    "responses, received": is_received,
    "requests from a list": lambda stub: stub.Collect(REQUESTS),
    "requests from an async generator": lambda stub: stub.Collect(made_slowly()),
    "requests from a generator": lambda stub: stub.Collect(made_in_a_thread()),
    "requests with_call": lambda stub: stub.Collect.with_call(made_slowly()),
    "requests, written": collect_written,
    "requests, sent": collect_sent,
    "both, from a list": lambda stub: is_iterated(stub.Talk(REQUESTS)),
    "both, from an async generator": lambda stub: is_iterated(stub.Talk(made_slowly())),
    "both, from a generator": lambda stub: is_iterated(stub.Talk(made_in_a_thread())),
    "both, written and read": talk_written_and_read,
    "both, sent and received": talk_sent_and_received,
    "three at once": gathered,
    "under wait_for": waited_for,
}


# ---- handlers whose points are counted ---------------------------------------------------------------


class Pointed(Coroutines):
    """Counts the points of its handlers; they ask the server itself, with `leaf`, on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.points = Points(-1, "before", lambda: None)
        self.task: asyncio.Task[Any] | None = None
        self.stub: Any = None
        self.left = 0

    def _enter(self, context: Any) -> None:
        super()._enter(context)
        self.left += 1
        self.task = asyncio.current_task()

    async def Ask(self, request, context):
        if request.text == "leaf":
            return Reply(text="leaf")
        self._enter(context)
        try:
            await self.points(context.send_initial_metadata((("came", "early"),)))
            await self.points(asyncio.sleep(0))
            return await self.points(self.stub.Ask(Request(text="leaf")))
        finally:
            self.left -= 1

    async def Watch(self, request, context):
        self._enter(context)
        try:
            for number in range(3):
                await self.points(asyncio.sleep(0))
                self.points.come_to()
                yield Reply(number=number)
        finally:
            self.left -= 1

    async def Collect(self, request_iterator, context):
        self._enter(context)
        try:
            while (await self.points(anext(aiter(request_iterator), None))) is not None:
                pass
            await self.points(self.stub.Ask(Request(text="leaf")))
            return Reply()
        finally:
            self.left -= 1

    async def Talk(self, request_iterator, context):
        self._enter(context)
        try:
            while (request := await self.points(context.read())) is not grpc.aio.EOF:
                await self.points(context.write(Reply(number=request.number)))
        finally:
            self.left -= 1


ARITIES: dict[str, Callable[[Any], Any]] = {
    "Ask": lambda stub: stub.Ask(Request(text="root")),
    "Watch": lambda stub: stub.Watch(Request()),
    "Collect": lambda stub: stub.Collect(made_slowly()),
    "Talk": lambda stub: stub.Talk(made_slowly()),
}
