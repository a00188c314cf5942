"""Libraries with grpcio's sync interface: grpcio, and ours in threads."""

from __future__ import annotations

import itertools
import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..messages import SERVICE, STREAMED, Codec, method
from ..work import HANDLER, burn, check
from . import Ready

_POOL = 16


class ThreadPeer:
    is_async = False

    def __init__(self, grpc: Any) -> None:
        self._grpc = grpc

    def connect(self, target: str, codec: Codec) -> ThreadClient:
        return ThreadClient(self._grpc.insecure_channel(target), codec)

    def serve(self, codec: Codec, loop: str, ready: Ready) -> None:
        server = self._grpc.server(ThreadPoolExecutor(max_workers=_POOL))
        server.add_generic_rpc_handlers((_handlers(self._grpc, codec),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        ready(port)
        server.wait_for_termination()


class ThreadClient:
    def __init__(self, channel: Any, codec: Codec) -> None:
        self.channel = channel
        coding = {"request_serializer": codec.serialize, "response_deserializer": codec.parse_reply}
        self.unary = channel.unary_unary(method("Unary"), **coding)
        self.busy = channel.unary_unary(method("Busy"), **coding)
        self._receive = channel.unary_stream(method("Receive"), **coding)
        self._send = channel.stream_unary(method("Send"), **coding)
        self._exchange = channel.stream_stream(method("Exchange"), **coding)

    def receive(self, request: Any) -> None:
        check(sum(1 for _ in self._receive(request)), STREAMED)

    def send(self, request: Any) -> None:
        self._send(itertools.repeat(request, STREAMED))

    def exchange(self, request: Any) -> None:
        requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        requests.put(request)
        count = 0
        for _ in self._exchange(iter(requests.get, None)):
            count += 1
            requests.put(request if count < STREAMED else None)
        check(count, STREAMED)

    def close(self) -> None:
        self.channel.close()


def _handlers(grpc: Any, codec: Codec) -> Any:
    def unary(request: Any, context: Any) -> Any:  # noqa: ARG001
        return codec.make_reply(request)

    def busy(request: Any, context: Any) -> Any:  # noqa: ARG001
        burn(HANDLER)
        return codec.make_reply(request)

    def receive(request: Any, context: Any) -> Iterator[Any]:  # noqa: ARG001
        reply = codec.make_reply(request)
        for _ in range(STREAMED):
            yield reply

    def send(requests: Iterator[Any], context: Any) -> Any:  # noqa: ARG001
        last, count = None, 0
        for request in requests:
            last = request
            count += 1
        check(count, STREAMED)
        return codec.make_reply(last)

    def exchange(requests: Iterator[Any], context: Any) -> Iterator[Any]:  # noqa: ARG001
        for request in requests:
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
