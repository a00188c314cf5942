"""A TCP relay between a client and a server: what went over the wire, and what if it goes badly."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator

from .conftest import PATIENCE

_HEADER = 9
_PING, _ACK = 6, 1
# Closed with this, a connection is reset.
_LINGER_NOT = struct.pack("ii", 1, 0)


class Wire:
    """Relays connections to `target`; counts, and can do harm to what comes from either side.

    Use it as a context manager; `address` is where clients connect to.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = 0  # bytes from clients
        self.received = 0  # bytes from the server
        self.connections = 0
        self.pings = threading.Semaphore(0)
        """Released for each PING frame of a client's."""
        self.ended = threading.Semaphore(0)
        """Released when a connection's server has closed it."""
        self._swallowing = False
        self._delay = 0.0
        self._halving = False
        self._cut_at: int | None = None
        self._sockets: list[socket.socket] = []
        self._resetting: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def swallow(self) -> None:
        """From now on nothing arrives, and nobody is told."""
        self._swallowing = True

    def delay(self, seconds: float) -> None:
        """From now on each piece comes so much later."""
        self._delay = seconds

    def halve(self) -> None:
        """From now on each piece comes as two."""
        self._halving = True

    def cut(self, longer_than: int) -> None:
        """Half of the next piece of more bytes arrives, then its connection is reset; later ones are well."""
        self._cut_at = longer_than

    def reset(self) -> None:
        """Reset the connections that there are; later ones are well."""
        for each in list(self._sockets):
            self._reset(each)

    def _reset(self, one: socket.socket) -> None:
        self._resetting.add(one)
        _ask_for_reset(one)

    def _start(self, function: object, *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments, name="wire", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target, timeout=PATIENCE)
                server.settimeout(None)
                self.connections += 1
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets += client, server
                self._start(self._from_client, client, server)
                self._start(self._from_server, client, server)

    def _from_client(self, client: socket.socket, server: socket.socket) -> None:
        for chunk in _chunks(client):
            self.sent += len(chunk)
            if len(chunk) == _HEADER + 8 and chunk[3] == _PING and not chunk[4] & _ACK:
                self.pings.release()
            self._pass_on(chunk, client, server)
        self._ended(client, server)

    def _from_server(self, client: socket.socket, server: socket.socket) -> None:
        for chunk in _chunks(server):
            self.received += len(chunk)
            self._pass_on(chunk, server, client)
        self.ended.release()
        self._ended(server, client)

    def _ended(self, source: socket.socket, destination: socket.socket) -> None:
        if source in self._resetting:
            source.close()
        else:
            _shut(destination)

    def _pass_on(self, chunk: bytes, source: socket.socket, destination: socket.socket) -> None:
        if self._swallowing:
            return
        if self._delay:
            time.sleep(self._delay)
        with contextlib.suppress(OSError):
            cut = self._cut_at is not None and len(chunk) > self._cut_at
            if not cut and not self._halving:
                destination.sendall(chunk)
                return
            destination.sendall(chunk[: len(chunk) // 2])
            if cut:
                self._cut_at = None
                self._reset(source)
                self._reset(destination)
            else:
                destination.sendall(chunk[len(chunk) // 2 :])

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *reason: object) -> None:
        _shut(self._listener)
        self._listener.close()
        for each in self._sockets:
            _shut(each)
        for thread in self._threads:
            thread.join(PATIENCE)
        for each in self._sockets:
            each.close()


def _chunks(source: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            yield chunk


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def _ask_for_reset(one: socket.socket) -> None:
    # The thread that reads from it is woken, and closes it.
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        one.shutdown(socket.SHUT_RD)
