"""A client as light as Python allows, so that what is measured is the server.

It speaks just enough HTTP/2 to send the same call again and again over one connection, and to see each one
answered with a message and trailers, or, where calls are to stay open, with a message. It decodes no headers:
an answer without a message is a failure.
"""

from __future__ import annotations

import collections
import socket
import struct
import time

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 0x1
_END_HEADERS = 0x4
_MAX_CONCURRENT_STREAMS, _INITIAL_WINDOW_SIZE, _MAX_FRAME_SIZE = 3, 4, 5
_LARGEST_WINDOW = 2**31 - 1
_DEFAULT_WINDOW = 65535
_RECEIVE = 1 << 18
_PATIENCE = 10.0
# C-core refuses some of very many calls that arrive at once.
_OPENING_AT_ONCE = 100


class LightClient:
    """One connection. `most_streams` is what the server admits at once; `load` must not be asked for more."""

    def __init__(self, target: str, path: str, request: bytes) -> None:
        host, port = target.rsplit(":", 1)
        self._message = b"\0" + struct.pack(">I", len(request)) + request
        self._first_headers, self._next_headers = _header_blocks(path, target)
        self._socket = socket.create_connection((host, int(port)), timeout=_PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._out = bytearray()
        self._in = b""
        self._next_stream = 1
        self._connection_window = _DEFAULT_WINDOW
        self._stream_window = _DEFAULT_WINDOW
        self._frame_size = 16384
        self.most_streams = _LARGEST_WINDOW
        self._unsent: collections.deque[_Unsent] = collections.deque()
        self._windows: dict[int, int] = {}
        self._received = 0
        self._with_message: set[int] = set()
        self._handshake()

    def load(self, concurrency: int, seconds: float) -> int:
        """Keep `concurrency` calls in flight for `seconds`; the number of calls that were answered."""
        deadline = time.perf_counter() + seconds
        for _ in range(concurrency):
            self._send_call()
        in_flight, answered = concurrency, 0
        while in_flight:
            done = self._exchange()
            answered += done
            if time.perf_counter() < deadline:
                for _ in range(done):
                    self._send_call()
            else:
                in_flight -= done
        return answered

    def open_streams(self, count: int) -> None:
        """Start `count` calls that each send one message and no end; return when each has been answered."""
        answered = len(self._with_message)
        wanted, started = answered + count, answered
        while len(self._with_message) < wanted:
            while started < min(wanted, len(self._with_message) + _OPENING_AT_ONCE):
                self._send_call(ends=False)
                started += 1
            if self._exchange():
                raise RuntimeError("a call ended that was to stay open")

    def close(self) -> None:
        self._socket.close()

    def _handshake(self) -> None:
        settings = struct.pack(">HI", _INITIAL_WINDOW_SIZE, _LARGEST_WINDOW)
        self._out += _PREFACE + _frame(_SETTINGS, 0, 0, settings)
        self._out += _window_update(_LARGEST_WINDOW - _DEFAULT_WINDOW)
        self._exchange()

    def _send_call(self, ends: bool = True) -> None:
        stream = self._next_stream
        self._next_stream += 2
        block = self._next_headers if stream > 1 else self._first_headers
        self._out += _frame(_HEADERS, _END_HEADERS, stream, block)
        size = len(self._message)
        if not self._unsent and size <= min(self._connection_window, self._stream_window, self._frame_size):
            self._connection_window -= size
            self._out += _frame(_DATA, _END_STREAM if ends else 0, stream, self._message)
        else:
            self._windows[stream] = self._stream_window
            self._unsent.append(_Unsent(stream, ends))
            self._send_unsent()

    def _send_unsent(self) -> None:
        """Send as much of the waiting messages, in order, as the peer's windows admit."""
        while self._unsent and self._connection_window > 0:
            head = self._unsent[0]
            size = len(self._message) - head.offset
            part = min(size, self._connection_window, self._windows[head.stream], self._frame_size)
            if part <= 0:
                return
            flags = _END_STREAM if part == size and head.ends else 0
            self._out += _frame(_DATA, flags, head.stream, self._message[head.offset : head.offset + part])
            self._connection_window -= part
            self._windows[head.stream] -= part
            head.offset += part
            if part == size:
                self._unsent.popleft()
                del self._windows[head.stream]

    def _exchange(self) -> int:
        """Send what waits, receive what comes; the number of calls that it completed."""
        if self._out:
            self._socket.sendall(self._out)
            self._out.clear()
        received = self._socket.recv(_RECEIVE)
        if not received:
            raise ConnectionError("the server closed the connection")
        data = self._in + received
        position, end, done = 0, len(data), 0
        while end - position >= 9:
            size = int.from_bytes(data[position : position + 3], "big")
            stop = position + 9 + size
            if stop > end:
                break
            kind, flags = data[position + 3], data[position + 4]
            stream = int.from_bytes(data[position + 5 : position + 9], "big")
            if kind == _HEADERS:
                if flags & _END_STREAM:
                    self._finish(stream)
                    done += 1
            elif kind == _DATA:
                self._received += size
                self._with_message.add(stream)
            else:
                self._control(kind, flags, stream, data[position + 9 : stop])
            position = stop
        self._in = data[position:]
        if self._received > _LARGEST_WINDOW // 2:
            self._out += _window_update(self._received)
            self._received = 0
        return done

    def _finish(self, stream: int) -> None:
        try:
            self._with_message.remove(stream)
        except KeyError:
            raise RuntimeError("a call was answered with a status and no message") from None

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _SETTINGS and not flags & _ACK:
            for name, value in struct.iter_unpack(">HI", payload):
                if name == _INITIAL_WINDOW_SIZE:
                    for waiting in self._windows:
                        self._windows[waiting] += value - self._stream_window
                    self._stream_window = value
                elif name == _MAX_CONCURRENT_STREAMS:
                    self.most_streams = value
                elif name == _MAX_FRAME_SIZE:
                    self._frame_size = value
            self._out += _frame(_SETTINGS, _ACK, 0, b"")
        elif kind == _PING and not flags & _ACK:
            self._out += _frame(_PING, _ACK, 0, payload)
        elif kind == _WINDOW_UPDATE:
            increment = int.from_bytes(payload, "big")
            if stream == 0:
                self._connection_window += increment
            elif stream in self._windows:
                self._windows[stream] += increment
            self._send_unsent()
        elif kind == _RST_STREAM:
            raise RuntimeError(f"the server reset a call, error {int.from_bytes(payload, 'big')}")
        elif kind == _GOAWAY:
            raise ConnectionError(f"the server went away: {payload[8:].decode(errors='replace')}")


class _Unsent:
    """A message that has not been sent whole."""

    __slots__ = ("ends", "offset", "stream")

    def __init__(self, stream: int, ends: bool) -> None:
        self.stream = stream
        self.ends = ends
        self.offset = 0


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">HBBBI", len(payload) >> 8, len(payload) & 0xFF, kind, flags, stream) + payload


def _window_update(increment: int) -> bytes:
    return _frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", increment))


def _header_blocks(path: str, authority: str) -> tuple[bytes, bytes]:
    """The call's headers, for the connection's first call and for all later ones.

    The first adds its fields to HPACK's dynamic table, as any client's does; later ones are six indices.
    """
    method_post, scheme_http = b"\x83", b"\x86"
    path_name, authority_name, content_type_name = b"\x44", b"\x41", b"\x5f"
    fields = [
        path_name + _literal(path),
        authority_name + _literal(authority),
        content_type_name + _literal("application/grpc"),
        b"\x40" + _literal("te") + _literal("trailers"),
    ]
    first = method_post + scheme_http + b"".join(fields)
    # The newest entry of the dynamic table is index 62.
    indexed = bytes(0x80 | (62 + age) for age in reversed(range(len(fields))))
    return first, method_post + scheme_http + indexed


def _literal(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > 126:
        raise ValueError(f"too long for a one-byte length: {text}")
    return bytes([len(encoded)]) + encoded
