"""One channel, made anywhere: event loops one after the other and at once, threads, one connection."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
import uvloop

import grpc_bridge

from ..conftest import PATIENCE, Echo, LoopInThread, Start, in_plain_thread, stub_of, wait_in_thread
from ..protos.exchange_pb2 import Reply, Request

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def target(grpcio_server: Start) -> str:
    return grpcio_server()


@pytest.fixture
def stub(target: str) -> Iterator[Any]:
    """Made where no loop has ever run."""
    with grpc_bridge.insecure_channel(target) as channel:
        yield stub_of(channel)


def connections(target: str) -> int:
    """How many TCP connections a server on loopback holds.

    The kernel hands its table out page by page: while sockets of others come and go, a row may come twice, or
    not at all. So peers are counted, not rows, and it is read twice.
    """
    port = f":{int(target.rpartition(':')[2]):04X}"
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")] * 2
    rows = [row.split() for table in tables for row in table.read_text().splitlines()[1:]]
    return len({row[2] for row in rows if row[1].endswith(port) and row[3] == "01"})


async def use(stub: Any) -> None:
    assert (await stub.Ask(Request(text="unary"))).text == "UNARY"
    assert [reply.number async for reply in stub.Watch(Request(number=5))] == list(range(5))
    assert (await stub.Collect([Request(number=3)] * 3)).number == 9
    assert [reply.number async for reply in stub.Talk([Request(number=3)] * 3)] == [6, 6, 6]


def use_in_thread(stub: Any) -> None:
    assert stub.Ask(Request(text="unary")).text == "UNARY"
    assert [reply.number for reply in stub.Watch(Request(number=5))] == list(range(5))


def test_successive_loops_of_every_kind_and_threads(stub: Any) -> None:
    for _ in range(3):
        asyncio.run(use(stub))
    uvloop.run(use(stub))
    use_in_thread(stub)
    in_plain_thread(use_in_thread, stub)
    in_plain_thread(asyncio.run, use(stub))
    uvloop.run(use(stub))


def test_a_channel_made_at_import_time(target: str) -> None:
    program = f"""
        import asyncio, grpc_bridge as grpc
        from tests.protos import exchange_pb2, exchange_pb2_grpc
        channel = grpc.insecure_channel("{target}")
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        async def main(text):
            return (await stub.Ask(exchange_pb2.Request(text=text))).text
        print([asyncio.run(main(text)) for text in ("one", "two", "three")])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("['ONE', 'TWO', 'THREE']\n", "", 0)


def test_both_colours_and_all_loops_share_one_connection(stub: Any, target: str) -> None:
    use_in_thread(stub)
    for _ in range(3):
        asyncio.run(use(stub))
        assert connections(target) == 1
    uvloop.run(use(stub))
    in_plain_thread(use_in_thread, stub)
    assert connections(target) == 1


def test_the_async_colour_first_shares_its_connection_too(stub: Any, target: str) -> None:
    asyncio.run(use(stub))
    use_in_thread(stub)
    assert connections(target) == 1


async def let_go(target: str) -> None:
    while connections(target):  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(0.005)


def test_a_closed_channel_lets_its_connection_go(target: str) -> None:
    async def main() -> None:
        async with grpc_bridge.insecure_channel(target) as channel:
            await use(stub_of(channel))
            await asyncio.to_thread(use_in_thread, stub_of(channel))
        await asyncio.wait_for(let_go(target), 20)

    asyncio.run(main())


def test_a_dropped_channel_lets_its_connection_go(target: str) -> None:
    async def main() -> None:
        await use(stub_of(grpc_bridge.insecure_channel(target)))
        gc.collect()
        await asyncio.wait_for(let_go(target), 3)

    asyncio.run(main())


@pytest.mark.parametrize(
    "factories", [(asyncio.new_event_loop,) * 2, (asyncio.new_event_loop, uvloop.new_event_loop)]
)
def test_two_loops_in_two_threads_at_once(
    stub: Any, target: str, loop_in_thread: Callable[..., LoopInThread], factories: Any
) -> None:
    loops = [loop_in_thread(factory) for factory in factories]

    async def many() -> None:
        for _ in range(20):
            await asyncio.gather(*(use(stub) for _ in range(5)))

    running = [loop.submit(many()) for loop in loops]
    use_in_thread(stub)
    for future in running:
        future.result(PATIENCE)
    assert connections(target) == 1


def test_a_loop_is_served_while_another_stands_still(
    stub: Any, loop_in_thread: Callable[..., LoopInThread]
) -> None:
    blocked, release = threading.Event(), threading.Event()
    first, second = loop_in_thread(), loop_in_thread()

    async def stand_still() -> None:
        calls = [stub.Ask(Request(text="waiting")) for _ in range(50)]
        await asyncio.sleep(0)
        blocked.set()
        release.wait(PATIENCE)
        assert {reply.text for reply in await asyncio.gather(*calls)} == {"WAITING"}

    standing = first.submit(stand_still())
    assert blocked.wait(PATIENCE)
    try:
        for _ in range(20):
            second.run(use(stub))
    finally:
        release.set()
    standing.result(PATIENCE)


class Held(Echo):
    """Holds its answers back until it is let go on."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Semaphore(0), threading.Event()

    def Ask(self, request, context):
        self.entered.release()
        self.release.wait(PATIENCE)
        return super().Ask(request, context)


def test_a_call_of_another_loop_is_refused_with_the_remedy(
    grpcio_server: Start, loop_in_thread: Callable[..., LoopInThread]
) -> None:
    servicer = Held()
    first, second = loop_in_thread(), loop_in_thread()
    with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        stub = stub_of(channel)

        async def start() -> Any:
            return stub.Ask.future(Request())

        async def wait_for(call: Any) -> None:
            await call

        call = first.run(start())
        with pytest.raises(grpc_bridge.BoundToAnotherLoop, match="started on another event loop"):
            second.run(wait_for(call))
        servicer.release.set()
        first.run(wait_for(call))


def test_a_thread_waits_for_a_call_of_a_loop(
    grpcio_server: Start, loop_in_thread: Callable[..., LoopInThread]
) -> None:
    servicer = Held()
    loop = loop_in_thread()
    with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        stub = stub_of(channel)

        async def start() -> Any:
            return stub.Ask.future(Request(text="across"))

        call = loop.run(start())
        with pytest.raises(grpc.FutureTimeoutError):
            call.result(timeout=0.01)
        servicer.release.set()
        assert call.result(timeout=PATIENCE).text == "ACROSS"
        assert call.code() == grpc.StatusCode.OK


async def test_blocking_on_a_call_of_this_loop_is_refused(grpcio_server: Start) -> None:
    servicer = Held()
    async with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        call = stub_of(channel).Ask.future(Request())
        with grpc_bridge.blocking(), pytest.raises(grpc_bridge.WouldDeadlock, match="await it instead"):
            call.result()
        servicer.release.set()
        await call


def test_a_loop_closed_with_calls_in_flight_harms_nobody_else(
    grpcio_server: Start, loop_in_thread: Callable[..., LoopInThread]
) -> None:
    servicer = Held()
    other = loop_in_thread()
    with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        stub = stub_of(channel)
        closed = asyncio.new_event_loop()

        async def leave_behind() -> list[Any]:
            calls = [stub.Ask.future(Request()) for _ in range(5)]
            calls.append(stub.Watch(Request(number=1000)))
            return calls

        calls = closed.run_until_complete(leave_behind())
        for _ in range(5):
            assert servicer.entered.acquire(timeout=PATIENCE)
        closed.close()

        async def others() -> None:
            assert [reply.number async for reply in stub.Watch(Request(number=5))] == list(range(5))
            assert (await stub.Collect([Request(number=1)])).number == 1

        other.run(others())
        servicer.release.set()
        other.run(use(stub))
        use_in_thread(stub)
        with pytest.warns(grpc_bridge.UnawaitedCallWarning, match="Watch.* was never iterated"):
            calls.clear()
        asyncio.run(use(stub))


class Fed(Echo):
    """Tells when an RPC of requests has ended."""

    def __init__(self) -> None:
        self.entered, self.ended = threading.Event(), threading.Event()

    def Collect(self, request_iterator, context):
        context.add_callback(self.ended.set)
        self.entered.set()
        return super().Collect(request_iterator, context)


@pytest.mark.parametrize("how", ["cancelled by hand", "dropped"])
def test_a_call_left_behind_by_a_closed_loop_can_be_ended(grpcio_server: Start, how: str) -> None:
    servicer = Fed()
    with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        loop = asyncio.new_event_loop()

        async def leave_behind() -> Any:
            return stub_of(channel).Collect.future()

        call = loop.run_until_complete(leave_behind())
        assert servicer.entered.wait(PATIENCE)
        loop.close()
        if how == "dropped":
            del call
        else:
            assert call.cancel()
            assert (call.done(), call.cancelled(), call.cancel()) == (True, True, False)
        assert servicer.ended.wait(PATIENCE)


def test_a_request_iterator_is_let_go_by_a_closed_loop(grpcio_server: Start) -> None:
    servicer = Fed()
    asked, more = threading.Event(), threading.Event()

    def requests() -> Iterator[Request]:
        yield Request(number=1)
        asked.set()
        more.wait(PATIENCE)
        yield Request(number=2)

    with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        loop = asyncio.new_event_loop()

        async def leave_behind() -> Any:
            call = stub_of(channel).Collect.future(requests())
            await asyncio.to_thread(asked.wait, PATIENCE)
            return call

        call = loop.run_until_complete(leave_behind())
        [feeding] = [each for each in threading.enumerate() if each.name.endswith("/Collect")]
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        more.set()
        feeding.join(PATIENCE)
        assert not feeding.is_alive()
        assert call.cancelled()
        assert servicer.ended.wait(PATIENCE)


def test_many_short_lived_loops(stub: Any) -> None:
    for _ in range(50):
        asyncio.run(use(stub))


def test_loops_in_many_threads_one_after_the_other(stub: Any) -> None:
    with futures.ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(asyncio.run, use(stub)) for _ in range(40)]:
            future.result(PATIENCE)


async def test_the_reply_comes_to_the_task_that_asked(stub: Any) -> None:
    async def ask(number: int) -> Reply:
        return await stub.Ask(Request(number=number))

    tasks = [asyncio.create_task(ask(number)) for number in range(200)]
    assert [(await task).number for task in tasks] == list(range(200))


async def test_a_stream_is_left_by_closing_the_channel(grpcio_server: Start) -> None:
    servicer = Held()
    channel = grpc_bridge.insecure_channel(grpcio_server(servicer))
    call = stub_of(channel).Ask(Request())
    await asyncio.to_thread(servicer.entered.acquire)
    await channel.close()
    with pytest.raises((grpc.RpcError, asyncio.CancelledError)):
        await call
    servicer.release.set()
    await wait_in_thread(servicer.release)
    with pytest.raises(ValueError, match="closed channel"):
        stub_of(channel).Ask(Request())
