"""grpclib: gRPC in pure Python on hyper-h2, asyncio only."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from grpclib.client import (
    Channel,
    StreamStreamMethod,
    StreamUnaryMethod,
    UnaryStreamMethod,
    UnaryUnaryMethod,
)
from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.server import Server

from ..messages import STREAMED, Codec, method
from ..work import HANDLER, burn, check
from . import Ready
from .tasks import run_on


class GrpclibPeer:
    is_async = True

    def connect(self, target: str, codec: Codec) -> GrpclibClient:
        host, port = target.rsplit(":", 1)
        return GrpclibClient(Channel(host, int(port), codec=_Coding(codec.serialize, codec.parse_reply)))

    def serve(self, codec: Codec, loop: str, ready: Ready) -> None:
        async def run() -> None:
            server = Server([_Service(codec)], codec=_Coding(codec.serialize, codec.parse_request))
            # With its protocol named, or asyncio would leave Nagle's algorithm on.
            listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listening.bind(("127.0.0.1", 0))
            await server.start(sock=listening)
            ready(listening.getsockname()[1])
            await server.wait_closed()

        run_on(loop, run)


class _Coding(CodecBase):
    """The bench's codec as grpclib wants one; it asks for a message's type, which is not needed."""

    __content_subtype__ = "proto"

    def __init__(
        self, serialize: Callable[[Any], bytes] | None, parse: Callable[[bytes], Any] | None
    ) -> None:
        self._serialize = serialize
        self._parse = parse

    def encode(self, message: Any, message_type: Any) -> bytes:
        return message if self._serialize is None else self._serialize(message)

    def decode(self, data: bytes, message_type: Any) -> Any:
        return data if self._parse is None else self._parse(data)


class GrpclibClient:
    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.unary = UnaryUnaryMethod(channel, method("Unary"), bytes, bytes)
        self.busy = UnaryUnaryMethod(channel, method("Busy"), bytes, bytes)
        self._receive = UnaryStreamMethod(channel, method("Receive"), bytes, bytes)
        self._send = StreamUnaryMethod(channel, method("Send"), bytes, bytes)
        self._exchange = StreamStreamMethod(channel, method("Exchange"), bytes, bytes)

    async def receive(self, request: Any) -> None:
        async with self._receive.open() as stream:
            await stream.send_message(request, end=True)
            count = 0
            async for _ in stream:
                count += 1
        check(count, STREAMED)

    async def send(self, request: Any) -> None:
        async with self._send.open() as stream:
            for left in reversed(range(STREAMED)):
                await stream.send_message(request, end=left == 0)
            check(0 if await stream.recv_message() is None else 1, 1)

    async def exchange(self, request: Any) -> None:
        async with self._exchange.open() as stream:
            count = 0
            for left in reversed(range(STREAMED)):
                await stream.send_message(request, end=left == 0)
                count += await stream.recv_message() is not None
        check(count, STREAMED)

    async def close(self) -> None:
        self.channel.close()


class _Service:
    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def __mapping__(self) -> dict[str, Handler]:
        def handler(function: Any, cardinality: Cardinality) -> Handler:
            return Handler(function, cardinality, bytes, bytes)

        return {
            method("Unary"): handler(self._unary, Cardinality.UNARY_UNARY),
            method("Busy"): handler(self._busy, Cardinality.UNARY_UNARY),
            method("Receive"): handler(self._receive, Cardinality.UNARY_STREAM),
            method("Send"): handler(self._send, Cardinality.STREAM_UNARY),
            method("Exchange"): handler(self._exchange, Cardinality.STREAM_STREAM),
        }

    async def _unary(self, stream: Any) -> None:
        await stream.send_message(self._codec.make_reply(await stream.recv_message()))

    async def _busy(self, stream: Any) -> None:
        request = await stream.recv_message()
        burn(HANDLER)
        await stream.send_message(self._codec.make_reply(request))

    async def _receive(self, stream: Any) -> None:
        reply = self._codec.make_reply(await stream.recv_message())
        for _ in range(STREAMED):
            await stream.send_message(reply)

    async def _send(self, stream: Any) -> None:
        last, count = None, 0
        async for request in stream:
            last = request
            count += 1
        check(count, STREAMED)
        await stream.send_message(self._codec.make_reply(last))

    async def _exchange(self, stream: Any) -> None:
        async for request in stream:
            await stream.send_message(self._codec.make_reply(request))
