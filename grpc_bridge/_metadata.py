"""Metadata as it comes back: grpcio's tuple of pairs, with what `grpc.aio.Metadata` adds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, overload

MetadataValue = str | bytes

# What gRPC over HTTP/2 admits as a header: Header-Name and ASCII-Value in
# https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Requests".
_KEY = re.compile(r"[0-9a-z_.-]+")
_ASCII_VALUE = re.compile(r"[ -~]*")


class Metadatum(NamedTuple):
    """One pair, like those that grpcio makes, but one that can be pickled."""

    key: str
    value: MetadataValue


class Metadata(tuple[Any, ...]):
    """Pairs of (key, value) in the order of the wire; a key may come more than once.

    Iterates as pairs with ``.key`` and ``.value``, as on grpcio; a string asks for the first value of a
    key, as on ``grpc.aio``.
    """

    __slots__ = ()

    @overload  # type: ignore[override]
    def __getitem__(self, index: str) -> MetadataValue: ...
    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Any, ...]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            for key, value in self:
                if key == index:
                    return value
            raise KeyError(index)
        return tuple.__getitem__(self, index)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, str):
            return any(key == item for key, _ in self)
        return tuple.__contains__(self, item)

    def __reduce__(self) -> tuple[Any, ...]:
        return Metadata, ([Metadatum(*pair) for pair in self],)

    def get(self, key: str, default: MetadataValue | None = None) -> MetadataValue | None:
        """The first value of a key."""
        try:
            return self[key]
        except KeyError:
            return default

    def get_all(self, key: str) -> list[MetadataValue]:
        """Every value of a key."""
        return [value for name, value in self if name == key]

    def keys(self) -> Iterator[str]:
        """Each key once."""
        return iter(dict.fromkeys(key for key, _ in self))

    def values(self) -> Iterator[MetadataValue]:
        """Each pair's value."""
        return (value for _, value in self)

    def items(self) -> Iterator[tuple[str, MetadataValue]]:
        """Each pair."""
        return iter(self)


def as_pairs(metadata: Any) -> Any:
    """Metadata for grpcio itself, which takes any sequence of pairs, but no mapping."""
    if metadata is None or type(metadata) is tuple:
        return metadata
    return tuple(metadata.items()) if isinstance(metadata, Mapping) else metadata


def outgoing(metadata: Any) -> tuple[tuple[str, MetadataValue], ...] | None:
    """Metadata to send, as C-core wants it: from a sequence of pairs, a mapping or `grpc.aio.Metadata`."""
    if metadata is None or type(metadata) is tuple:
        return metadata
    if isinstance(metadata, Mapping):
        return tuple(metadata.items())
    return tuple(metadata)


def illegal_pair(metadata: Iterable[tuple[Any, Any]]) -> tuple[Any, Any] | None:
    """The first pair that cannot be a header, or None; of a wrong type, C-core itself makes an exception."""
    for pair in metadata:
        key, value = map(_text, pair)
        if isinstance(key, str):
            if not _KEY.fullmatch(key):
                return pair
            if isinstance(value, str) and not key.endswith("-bin") and not _ASCII_VALUE.fullmatch(value):
                return pair
    return None


def _text(word: Any) -> Any:
    return word.decode("latin-1") if isinstance(word, bytes) else word
