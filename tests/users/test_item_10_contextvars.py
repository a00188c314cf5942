"""Context variables that an interceptor sets reach its handler, of any shape and colour, and no other RPC."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent import futures
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import PATIENCE, Servicer, Start, serving_here, stub_of
from ..protos.exchange_pb2 import Reply, Request

user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")
extra: contextvars.ContextVar[str] = contextvars.ContextVar("extra", default="nothing")


def user_of(details: Any) -> str | None:
    return next((value for key, value in details.invocation_metadata if key == "user"), None)


class Sets(grpc.ServerInterceptor):
    """Sets the variable for RPCs that say whose they are, in `intercept_service`."""

    def intercept_service(self, continuation, handler_call_details):
        name = user_of(handler_call_details)
        if name is not None:
            user.set(name)
        return continuation(handler_call_details)


class AioSets(grpc.aio.ServerInterceptor):
    async def intercept_service(self, continuation, handler_call_details):
        await asyncio.sleep(0)
        name = user_of(handler_call_details)
        if name is not None:
            user.set(name)
        return await continuation(handler_call_details)


class AioSetsAfter(grpc.aio.ServerInterceptor):
    """Sets it after those inside have settled on a handler."""

    async def intercept_service(self, continuation, handler_call_details):
        handler = await continuation(handler_call_details)
        name = user_of(handler_call_details)
        if name is not None:
            user.set(name)
        return handler


class SetsAround(grpc.ServerInterceptor):
    """Sets it in a wrapper around unary-unary handlers, where most interceptors do."""

    def intercept_service(self, continuation, handler_call_details):
        handler = continuation(handler_call_details)
        name = user_of(handler_call_details)
        if handler is None or name is None:
            return handler
        kinds = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
        kind = next(kind for kind in kinds if getattr(handler, kind))
        behavior = getattr(handler, kind)

        def wrapper(request_or_iterator, context):
            user.set(name)
            return behavior(request_or_iterator, context)

        return handler._replace(**{kind: wrapper})


class Tells(Servicer):
    """Functions that tell whose RPC they are in; and leave a variable of their own."""

    def _tell(self) -> Reply:
        reply = Reply(text=f"{user.get()} {extra.get()}")
        extra.set("left behind")
        return reply

    def Ask(self, request, context):
        return self._tell()

    def Watch(self, request, context):
        yield self._tell()
        yield Reply(text=f"{user.get()} {extra.get()}")

    def Collect(self, request_iterator, context):
        list(request_iterator)
        return self._tell()

    def Talk(self, request_iterator, context):
        for _ in request_iterator:
            pass
        yield self._tell()
        yield Reply(text=f"{user.get()} {extra.get()}")


class TellsAsync(Tells):
    """The same in coroutines."""

    async def Ask(self, request, context):
        await asyncio.sleep(0)
        return self._tell()

    async def Watch(self, request, context):
        yield self._tell()
        await asyncio.sleep(0)
        yield Reply(text=f"{user.get()} {extra.get()}")

    async def Collect(self, request_iterator, context):
        async for _ in request_iterator:
            pass
        return self._tell()

    async def Talk(self, request_iterator, context):
        async for _ in request_iterator:
            pass
        yield self._tell()
        yield Reply(text=f"{user.get()} {extra.get()}")


class TellsLater(TellsAsync):
    """Plain functions that return coroutines, which begin in the pool and go on on the loop."""

    def Ask(self, request, context):
        return super().Ask(request, context)

    def Watch(self, request, context):
        return super().Watch(request, context)


async def ask(stub: Any, metadata: Any) -> list[list[str]]:
    requests = [Request(), Request()]
    options = {"metadata": metadata, "timeout": PATIENCE}
    return [
        [(await stub.Ask(Request(), **options)).text],
        [reply.text async for reply in stub.Watch(Request(), **options)],
        [(await stub.Collect(requests, **options)).text],
        [reply.text async for reply in stub.Talk(requests, **options)],
    ]


def told(name: str) -> list[list[str]]:
    fresh, later = f"{name} nothing", f"{name} left behind"
    return [[fresh], [fresh, later], [fresh], [fresh, later]]


INTERCEPTORS = {
    "sync": [Sets()],
    "async": [AioSets()],
    "async, after": [AioSetsAfter()],
    "wrapper": [SetsAround()],
    "sync outside async": [Sets(), AioSetsAfter()],
    "wrapper outside async": [SetsAround(), AioSets()],
    "async outside wrapper": [AioSets(), SetsAround()],
}


@pytest.mark.parametrize("interceptors", INTERCEPTORS.values(), ids=INTERCEPTORS)
@pytest.mark.parametrize("servicer", [Tells(), TellsAsync(), TellsLater()], ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("start", ["from sync code", "in a coroutine"])
async def test_a_variable_reaches_the_handler_and_no_other_rpc(
    servicer: Any, interceptors: Any, start: str, bridge_server: Start
) -> None:
    async def check(target: str) -> None:
        async with grpc_bridge.insecure_channel(target) as channel:
            stub = stub_of(channel)
            assert await ask(stub, None) == told("nobody")
            for name in ("ann", "bob"):
                assert await ask(stub, (("user", name),)) == told(name)
                # The next RPC on the same thread, of nobody's.
                assert await ask(stub, None) == told("nobody")
            names = [f"user {number}" for number in range(20)]
            everybody = await asyncio.gather(*(ask(stub, (("user", name),)) for name in names))
            assert everybody == [told(name) for name in names]

    with futures.ThreadPoolExecutor(1) as pool:
        options = {"interceptors": interceptors, "thread_pool": pool}
        if start == "from sync code":
            await check(bridge_server(servicer, **options))
        else:
            user.set("the server's own")
            async with serving_here(servicer, **options) as target:
                await check(target)


async def test_a_variable_set_where_the_server_was_started_is_not_the_handlers() -> None:
    user.set("the server's own")
    async with serving_here(TellsAsync()) as target, grpc_bridge.insecure_channel(target) as channel:
        assert await ask(stub_of(channel), None) == told("nobody")
