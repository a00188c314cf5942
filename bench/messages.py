"""What is sent: bytes as they are, or protobuf messages that carry as many bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SERVICE = "bench.Bench"

STREAMED = 500
"""Messages in one call that streams, so that what is measured is the messages and not the call."""


@dataclass(frozen=True)
class Codec:
    """How requests and replies become bytes; None where they are bytes already."""

    make_request: Callable[[int], Any]
    make_reply: Callable[[Any], Any]
    serialize: Callable[[Any], bytes] | None
    """Of requests on the client and of replies on the server: the same for all messages of a kind."""
    parse_request: Callable[[bytes], Any] | None
    parse_reply: Callable[[bytes], Any] | None

    def request_bytes(self, size: int) -> bytes:
        """The request on the wire, for a client that knows no messages."""
        request = self.make_request(size)
        return self.serialize(request) if self.serialize else request


def codec(kind: str) -> Codec:
    return CODECS[kind]()


def method(name: str) -> str:
    return f"/{SERVICE}/{name}"


def _raw() -> Codec:
    return Codec(lambda size: b"x" * size, lambda request: request, None, None, None)


def _protobuf() -> Codec:
    from tests.protos.exchange_pb2 import Reply, Request

    return Codec(
        lambda size: Request(number=7, payload=b"x" * size),
        lambda request: Reply(number=request.number, payload=request.payload),
        lambda message: message.SerializeToString(),
        Request.FromString,
        Reply.FromString,
    )


CODECS: dict[str, Callable[[], Codec]] = {"raw": _raw, "protobuf": _protobuf}
