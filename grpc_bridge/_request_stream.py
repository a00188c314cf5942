"""A call's requests as an interceptor of either colour wants them.

An interceptor may loop over the requests, with ``for`` where it was written for grpcio, with ``async for``
where it was written for ``grpc.aio``, and hand on what it makes of them. The user may have given the other
kind of iterator, or none, to write by hand. Everything here belongs to one loop.
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextvars
import queue
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from grpc_bridge._border import call_in
from grpc_bridge._bridge import can_wait_here, wait_here
from grpc_bridge._errors import WouldDeadlock
from grpc_bridge._stream import async_iterator, cannot_block

_END = object()


class Pipe:
    """Requests that are written by hand: an async iterator over them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: collections.deque[tuple[Any, asyncio.Future[bool]]] = collections.deque()
        self._reader: asyncio.Future[None] | None = None
        self.ended = False
        self._closed = False

    def put(self, request: Any) -> asyncio.Future[bool]:
        """A future that is True when the request is taken, False when nobody will take it."""
        taken: asyncio.Future[bool] = self._loop.create_future()
        if self._closed:
            taken.set_result(False)
        else:
            self._items.append((request, taken))
            self._wake()
        return taken

    def end(self) -> None:
        """No request follows."""
        self.ended = True
        self._wake()

    def close(self) -> None:
        """The call is over: nobody takes requests any more."""
        self.ended = self._closed = True
        while self._items:
            _, taken = self._items.popleft()
            if not taken.done():
                taken.set_result(False)
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        while True:
            while self._items:
                request, taken = self._items.popleft()
                if not taken.done():  # its writer still waits
                    taken.set_result(True)
                    return request
            if self.ended:
                raise StopAsyncIteration
            self._reader = self._loop.create_future()
            await self._reader


class ForSync:
    """An async iterator for code that says ``for``: in a thread, or where an interceptor may wait."""

    def __init__(self, source: Any, iterator: AsyncIterator[Any]) -> None:
        self.source = source
        self._loop = asyncio.get_running_loop()
        self._iterator = iterator
        self._waits: concurrent.futures.Future[Any] | None = None
        self._closed = False

    def close(self) -> None:
        """The call is over: a thread that waits for the next request waits no longer."""
        self._closed = True
        if self._waits is not None:
            self._waits.cancel()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterator

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if can_wait_here():
            request = wait_here(self._next())
        elif asyncio._get_running_loop() is self._loop:
            raise WouldDeadlock(
                "`for` over these requests would block the loop that has to bring them; use `async for`"
            )
        else:
            request = self._next_in_thread()
        if request is _END:
            raise StopIteration
        return request

    def _next_in_thread(self) -> Any:
        self._waits = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
        if self._closed:
            self._waits.cancel()
        try:
            return self._waits.result()
        except concurrent.futures.CancelledError:
            return _END

    async def _next(self) -> Any:
        try:
            return await self._iterator.__anext__()
        except StopAsyncIteration:
            return _END


class ForAsync:
    """A sync iterator for code that says ``async for``; one that may block runs on a thread of its own."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self._iterator: Iterator[Any] | None = None
        self._asked: queue.SimpleQueue[asyncio.Future[Any] | None] | None = None

    def __iter__(self) -> Iterator[Any]:
        return iter(self.source)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._iterator is None:
            self._iterator = iter(self.source)
            if not cannot_block(self.source):
                self._asked = queue.SimpleQueue()
                threading.Thread(
                    target=contextvars.copy_context().run,
                    args=(_answer, self._iterator, self._asked),
                    name="grpc_bridge requests for an interceptor",
                    daemon=True,
                ).start()
        if self._asked is None:
            request = next(self._iterator, _END)
        else:
            asked = asyncio.get_running_loop().create_future()
            self._asked.put(asked)
            request = await asked
        if request is _END:
            raise StopAsyncIteration
        return request

    def __del__(self) -> None:
        if self._asked is not None:
            self._asked.put(None)


def _answer(iterator: Iterator[Any], asked: queue.SimpleQueue[asyncio.Future[Any] | None]) -> None:
    while (future := asked.get()) is not None:
        try:
            request = next(iterator, _END)
        except BaseException as error:
            _resolve(future, None, error)
        else:
            _resolve(future, request, None)


def _resolve(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    def settle() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    call_in(future.get_loop(), settle)


def for_interceptor(requests: Any, is_async: bool) -> Any:
    """The requests as an interceptor of that colour can loop over them."""
    iterator = async_iterator(requests)
    if is_async:
        return ForAsync(requests) if iterator is None else requests
    return requests if iterator is None else ForSync(requests, iterator)


def as_given(requests: Any) -> Any:
    """Undo `for_interceptor`, where an interceptor hands on what it was given."""
    return requests.source if isinstance(requests, (ForSync, ForAsync)) else requests
