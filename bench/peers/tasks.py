"""Libraries with grpc.aio's interface: grpc.aio, and ours in coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from ..loops import new_loop
from ..messages import SERVICE, STREAMED, Codec, method
from ..work import HANDLER, burn, check
from . import Ready

_EOF = grpc.aio.EOF


class TaskPeer:
    is_async = True

    def __init__(self, aio: Any) -> None:
        self._aio = aio

    def connect(self, target: str, codec: Codec) -> TaskClient:
        return TaskClient(self._aio.insecure_channel(target), codec)

    def serve(self, codec: Codec, loop: str, ready: Ready) -> None:
        async def run() -> None:
            server = self._aio.server()
            server.add_generic_rpc_handlers((_handlers(codec),))
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            ready(port)
            await server.wait_for_termination()

        run_on(loop, run)


class TaskClient:
    def __init__(self, channel: Any, codec: Codec) -> None:
        self.channel = channel
        coding = {"request_serializer": codec.serialize, "response_deserializer": codec.parse_reply}
        self.unary = channel.unary_unary(method("Unary"), **coding)
        self.busy = channel.unary_unary(method("Busy"), **coding)
        self._receive = channel.unary_stream(method("Receive"), **coding)
        self._send = channel.stream_unary(method("Send"), **coding)
        self._exchange = channel.stream_stream(method("Exchange"), **coding)

    async def receive(self, request: Any) -> None:
        count = 0
        async for _ in self._receive(request):
            count += 1
        check(count, STREAMED)

    async def send(self, request: Any) -> None:
        await self._send(repeated(request))

    async def exchange(self, request: Any) -> None:
        call = self._exchange()
        count = 0
        for _ in range(STREAMED):
            await call.write(request)
            count += await call.read() is not _EOF
        await call.done_writing()
        # Reading on to the end raises if the call ended badly.
        while await call.read() is not _EOF:
            count += 1
        check(count, STREAMED)

    async def close(self) -> None:
        await self.channel.close()


async def repeated(request: Any) -> AsyncIterator[Any]:
    """The requests of a call that streams them."""
    for _ in range(STREAMED):
        yield request


def run_on(loop: str, serve: Callable[[], Awaitable[None]]) -> None:
    event_loop = new_loop(loop)
    asyncio.set_event_loop(event_loop)
    event_loop.run_until_complete(serve())


def _handlers(codec: Codec) -> Any:
    """The bench's service in coroutines; both libraries take grpcio's handlers."""

    async def unary(request: Any, context: Any) -> Any:  # noqa: ARG001
        return codec.make_reply(request)

    async def busy(request: Any, context: Any) -> Any:  # noqa: ARG001
        burn(HANDLER)
        return codec.make_reply(request)

    async def receive(request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ARG001
        reply = codec.make_reply(request)
        for _ in range(STREAMED):
            yield reply

    async def send(requests: AsyncIterator[Any], context: Any) -> Any:  # noqa: ARG001
        last, count = None, 0
        async for request in requests:
            last = request
            count += 1
        check(count, STREAMED)
        return codec.make_reply(last)

    async def exchange(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:  # noqa: ARG001
        async for request in requests:
            yield codec.make_reply(request)

    coding = {"request_deserializer": codec.parse_request, "response_serializer": codec.serialize}
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "Unary": grpc.unary_unary_rpc_method_handler(unary, **coding),
            "Busy": grpc.unary_unary_rpc_method_handler(busy, **coding),
            "Receive": grpc.unary_stream_rpc_method_handler(receive, **coding),
            "Send": grpc.stream_unary_rpc_method_handler(send, **coding),
            "Exchange": grpc.stream_stream_rpc_method_handler(exchange, **coding),
        },
    )
