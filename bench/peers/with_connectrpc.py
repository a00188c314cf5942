"""connectrpc: Buf's Connect for Python, speaking gRPC; its HTTP/2 client is pyqwest, in Rust."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pyqwest
from connectrpc.client import ConnectClient
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.protocol import ProtocolType

from ..messages import SERVICE, STREAMED, Codec
from ..work import check
from . import Ready
from .tasks import repeated


class ConnectPeer:
    is_async = True

    def connect(self, target: str, codec: Codec) -> ConnectrpcClient:
        return ConnectrpcClient(target, codec)

    def serve(self, codec: Codec, loop: str, ready: Ready) -> None:
        # Its servers are ASGI and WSGI applications: what would be measured is somebody else's HTTP/2 server.
        raise ImportError("connectrpc brings applications for ASGI and WSGI, and no server of its own")


class _Coding:
    """The bench's codec as connectrpc wants one."""

    def __init__(
        self, serialize: Callable[[Any], bytes] | None, parse: Callable[[bytes], Any] | None
    ) -> None:
        self._serialize = serialize
        self._parse = parse

    def name(self) -> str:
        return "proto"

    def encode(self, message: Any) -> bytes:
        return message if self._serialize is None else self._serialize(message)

    def decode(self, data: bytes | bytearray, message_class: Any) -> Any:
        return data if self._parse is None else self._parse(bytes(data))


class ConnectrpcClient:
    def __init__(self, target: str, codec: Codec) -> None:
        self._transport = pyqwest.HTTPTransport(http_version=pyqwest.HTTPVersion.HTTP2)
        self.channel = ConnectClient(
            f"http://{target}",
            codec=_Coding(codec.serialize, codec.parse_reply),
            protocol=ProtocolType.GRPC,
            accept_compression=(),
            send_compression=None,
            http_client=pyqwest.Client(self._transport),
        )

    def unary(self, request: Any) -> Any:
        return self.channel.execute_unary(request=request, method=_UNARY)

    def busy(self, request: Any) -> Any:
        return self.channel.execute_unary(request=request, method=_BUSY)

    async def receive(self, request: Any) -> None:
        count = 0
        async for _ in self.channel.execute_server_stream(request=request, method=_RECEIVE):
            count += 1
        check(count, STREAMED)

    async def send(self, request: Any) -> None:
        await self.channel.execute_client_stream(request=repeated(request), method=_SEND)

    async def exchange(self, request: Any) -> None:
        turn = asyncio.Semaphore(1)

        async def requests() -> AsyncIterator[Any]:
            for _ in range(STREAMED):
                await turn.acquire()
                yield request

        count = 0
        async for _ in self.channel.execute_bidi_stream(request=requests(), method=_EXCHANGE):
            count += 1
            turn.release()
        check(count, STREAMED)

    async def close(self) -> None:
        await self.channel.close()
        await self._transport.aclose()


def _method(name: str, streaming: StreamType) -> MethodInfo[Any, Any]:
    return MethodInfo(
        name=name,
        service_name=SERVICE,
        input=bytes,
        output=bytes,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=streaming,
    )


_UNARY = _method("Unary", StreamType.UNARY)
_BUSY = _method("Busy", StreamType.UNARY)
_RECEIVE = _method("Receive", StreamType.SERVER_STREAM)
_SEND = _method("Send", StreamType.CLIENT_STREAM)
_EXCHANGE = _method("Exchange", StreamType.BIDI_STREAM)
