"""What our RPC layer and facade take for a call, the transport taken out: `python -m bench.layers`.

One process for all that is compared, one loop, and a transport that moves nothing. Time is the CPU time of
the loop's thread, which never waits: so a machine with other work to do makes no difference.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from .messages import SERVICE, STREAMED, method
from .work import check
from .workers import answer_questions, say_absent

_REQUEST = b"x" * 64
_AT_A_TIME = 200


class Client:
    """Calls through the real facade, on a channel whose transport answers at once."""

    def __init__(self, loopback: Any) -> None:
        from grpc_bridge._channel import Channel

        class LoopbackChannel(Channel):
            def _make_transport(self) -> Any:
                return loopback.LoopbackChannel(STREAMED)

        channel = LoopbackChannel("loopback", None, None, None)
        self._unary = channel.unary_unary(method("Unary"))
        self._receive = channel.unary_stream(method("Receive"))
        self._send = channel.stream_unary(method("Send"))
        self._exchange = channel.stream_stream(method("Exchange"))

    async def unary(self, concurrency: int) -> int:
        async def work() -> None:
            for _ in range(_AT_A_TIME // concurrency):
                await self._unary(_REQUEST)

        await _at_once(work, concurrency)
        return _AT_A_TIME // concurrency * concurrency

    async def receive(self, concurrency: int) -> int:
        async def work() -> None:
            count = 0
            async for _ in self._receive(_REQUEST):
                count += 1
            check(count, STREAMED)

        await _at_once(work, concurrency)
        return STREAMED * concurrency

    async def send(self, concurrency: int) -> int:
        async def work() -> None:
            await self._send(_requests())

        await _at_once(work, concurrency)
        return STREAMED * concurrency

    async def exchange(self, concurrency: int) -> int:
        async def work() -> None:
            call = self._exchange()
            count = 0
            for _ in range(STREAMED):
                await call.write(_REQUEST)
                count += await call.read() == _REQUEST
            await call.done_writing()
            # Reading the end raises if the call ended badly.
            count += await call.read() == _REQUEST
            check(count, STREAMED)

        await _at_once(work, concurrency)
        return STREAMED * concurrency


class Server:
    """Calls to async handlers of the real server, which a transport brings in that moves nothing."""

    def __init__(self, loopback: Any) -> None:
        import grpc

        from grpc_bridge._server import Server

        transport = self._transport = loopback.LoopbackServer()

        class LoopbackServer(Server):
            def _make_transport(self, *arguments: Any) -> Any:
                return transport

        self._server = LoopbackServer(None, None, None, None, None, None, False)
        handlers: dict[str, Any] = {
            "Unary": grpc.unary_unary_rpc_method_handler(_unary),
            "Receive": grpc.unary_stream_rpc_method_handler(_receive),
            "Send": grpc.stream_unary_rpc_method_handler(_send),
            "Exchange": grpc.stream_stream_rpc_method_handler(_exchange),
        }
        # As generated code does it.
        self._server.add_registered_method_handlers(SERVICE, handlers)

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None).wait_async()

    async def unary(self, concurrency: int) -> int:
        return await self.drive("Unary", 1, _AT_A_TIME, concurrency)

    async def receive(self, concurrency: int) -> int:
        return STREAMED * await self.drive("Receive", 1, concurrency, concurrency)

    async def send(self, concurrency: int) -> int:
        return STREAMED * await self.drive("Send", STREAMED, concurrency, concurrency)

    async def exchange(self, concurrency: int) -> int:
        return STREAMED * await self.drive("Exchange", STREAMED, concurrency, concurrency)

    async def drive(self, name: str, requests: int, calls: int, concurrency: int) -> int:
        done = asyncio.get_running_loop().create_future()
        self._transport.drive(method(name), _REQUEST, requests, calls, concurrency, done)
        await done
        return calls


async def future(concurrency: int) -> int:  # noqa: ARG001
    """The measure: the least that a coroutine can wait for."""
    loop = asyncio.get_running_loop()
    for _ in range(_AT_A_TIME):
        waiter = loop.create_future()
        loop.call_soon(waiter.set_result, None)
        await waiter
    return _AT_A_TIME


async def _at_once(work: Callable[[], Awaitable[None]], concurrency: int) -> None:
    if concurrency == 1:
        await work()
    else:
        await asyncio.gather(*[work() for _ in range(concurrency)])


async def _requests() -> AsyncIterator[bytes]:
    for _ in range(STREAMED):
        yield _REQUEST


async def _unary(request: bytes, context: Any) -> bytes:  # noqa: ARG001
    return request


async def _receive(request: bytes, context: Any) -> AsyncIterator[bytes]:  # noqa: ARG001
    for _ in range(STREAMED):
        yield request


async def _send(requests: AsyncIterator[bytes], context: Any) -> bytes:  # noqa: ARG001
    count = 0
    async for _ in requests:
        count += 1
    check(count, STREAMED)
    return _REQUEST


async def _exchange(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:  # noqa: ARG001
    count = 0
    async for request in requests:
        count += 1
        yield request
    check(count, STREAMED)


def main() -> None:
    try:
        from .loopback_build import loopback

        module = loopback()
    except ImportError as error:
        say_absent(error)
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    server, client = Server(module), Client(module)
    loop.run_until_complete(server.start())
    operations: dict[str, Callable[[int], Awaitable[int]]] = {"future": future}
    for end, of in (("client", client), ("server", server)):
        operations.update(
            {f"{end} {name}": getattr(of, name) for name in ("unary", "receive", "send", "exchange")}
        )

    async def run(what: str, concurrency: int, seconds: float) -> dict[str, float]:
        operation = operations[what]
        count, start = 0, time.thread_time()
        while (elapsed := time.thread_time() - start) < seconds or not count:
            count += await operation(concurrency)
        return {"count": count, "elapsed": elapsed}

    answer_questions(lambda **question: loop.run_until_complete(run(**question)), {})


if __name__ == "__main__":
    main()
