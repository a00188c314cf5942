"""`send`, `receive` and `done_sending`: in coroutines and in threads, with and without a context manager."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable
from concurrent import futures
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, LoopInThread, Start, stub_of, until, wait_in_thread
from ..protos.exchange_pb2 import Reply, Request
from ..versions import told_across_tasks
from .test_flow_control import FEW, FIXED_WINDOW, MESSAGES, PAYLOAD, AsyncSlowReader, SlowReader, give_it_time

OK = grpc.StatusCode.OK
SERVERS = {"grpcio_server": Echo, "bridge_server": AsyncEcho, "aio_server": AsyncEcho}


@pytest.fixture(params=SERVERS)
def target(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(request.param)(SERVERS[request.param]())  # type: ignore[no-any-return]


@pytest.fixture
async def stub(target: str) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(target) as channel:
        yield stub_of(channel)


@pytest.fixture(params=["grpcio_server", "bridge_server"])
def start(request: pytest.FixtureRequest) -> Start:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


# ---- in a coroutine -----------------------------------------------------------------------------------


async def test_a_conversation(stub: Any) -> None:
    call = stub.Talk()
    for number in range(3):
        await call.send(Request(number=number))
        assert (await call.receive()).number == 2 * number
    await call.done_sending()
    for _ in range(2):
        with pytest.raises(grpc_bridge.EOF, match="Talk"):
            await call.receive()
    assert await call.code() is OK


async def test_a_stream_of_responses_is_received(stub: Any) -> None:
    call = stub.Watch(Request(number=3))
    received = []
    try:
        while True:
            received.append((await call.receive()).number)
    except grpc_bridge.EOF:
        pass
    assert received == [0, 1, 2]


async def test_a_stream_of_requests_is_sent(stub: Any) -> None:
    call = stub.Collect()
    for number in range(5):
        await call.send(Request(number=number))
    await call.done_sending()
    await call.done_sending()
    assert (await call).number == 10
    assert (await call).number == 10


async def test_what_a_call_of_one_response_does_not_have(stub: Any) -> None:
    asking, collecting, watching = stub.Ask(Request()), stub.Collect([]), stub.Watch(Request())
    assert not hasattr(asking, "send")
    assert not hasattr(asking, "receive")
    assert not hasattr(collecting, "receive")
    assert not hasattr(watching, "send")
    for call in (asking, collecting, watching):
        call.cancel()


async def test_concurrent_senders_queue_in_order(start: Start) -> None:
    class Ordered(Echo):
        def Collect(self, request_iterator, context):
            return Reply(text=",".join(str(request.number) for request in request_iterator))

    async with grpc_bridge.insecure_channel(start(Ordered())) as channel:
        call = stub_of(channel).Collect()
        await asyncio.gather(*(call.send(Request(number=number, payload=PAYLOAD)) for number in range(50)))
        await call.done_sending()
        assert (await call).text == ",".join(map(str, range(50)))


async def test_the_end_comes_after_what_was_sent_before_it(stub: Any) -> None:
    call = stub.Collect()
    senders = [asyncio.create_task(call.send(Request(number=1, payload=PAYLOAD))) for _ in range(20)]
    await asyncio.sleep(0)
    await call.done_sending()
    assert (await call).number == 20
    await asyncio.gather(*senders)


@pytest.mark.parametrize("servicer", [SlowReader, AsyncSlowReader])
async def test_a_sender_waits_for_a_reader_that_has_stopped(
    bridge_server: Start, servicer: Callable[[], Any]
) -> None:
    slow = servicer()
    accepted = 0

    async def send_all(call: Any) -> None:
        nonlocal accepted
        for _ in range(MESSAGES):
            await call.send(Request(number=1, payload=PAYLOAD))
            accepted += 1
        await call.done_sending()

    async with grpc_bridge.insecure_channel(bridge_server(slow, options=FIXED_WINDOW)) as channel:
        stub = stub_of(channel)
        call = stub.Collect()
        sending = asyncio.create_task(send_all(call))
        await wait_in_thread(slow.entered)
        await give_it_time(stub)
        assert accepted < FEW
        slow.release.set()
        assert (await call).number == MESSAGES
        await sending
    assert accepted == MESSAGES


async def test_a_sender_that_is_cancelled_in_the_queue_has_sent_nothing(bridge_server: Start) -> None:
    slow = SlowReader()
    async with grpc_bridge.insecure_channel(bridge_server(slow, options=FIXED_WINDOW)) as channel:
        stub = stub_of(channel)
        call = stub.Collect()
        await call.send(Request(number=1))
        await wait_in_thread(slow.entered)
        senders = [
            asyncio.create_task(call.send(Request(number=1, payload=bytes(2_000_000)))) for _ in range(40)
        ]
        await give_it_time(stub)
        # One is on its way, and stays there; the others wait behind it.
        waiting = [sender for sender in senders if not sender.done()]
        for sender in waiting[1:]:
            sender.cancel()
        await asyncio.wait(waiting[1:])
        slow.release.set()
        await call.done_sending()
        assert (await call).number == 1 + len(senders) - len(waiting[1:])


class Failing(AsyncEcho):
    async def Watch(self, request, context):
        yield Reply(number=1)
        await context.abort(grpc.StatusCode.DATA_LOSS, "torn")

    async def Collect(self, request_iterator, context):
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")

    async def Talk(self, request_iterator, context):
        await anext(request_iterator)
        yield Reply(number=1)


async def test_a_call_that_failed_raises_its_error(bridge_server: Start) -> None:
    async with grpc_bridge.insecure_channel(bridge_server(Failing())) as channel:
        stub = stub_of(channel)
        call = stub.Watch(Request())
        assert (await call.receive()).number == 1
        for _ in range(2):
            with pytest.raises(grpc.RpcError) as caught:
                await call.receive()
            assert caught.value.code() is grpc.StatusCode.DATA_LOSS
        call = stub.Collect()
        with pytest.raises(grpc.RpcError) as caught:  # noqa: PT012
            while True:
                await call.send(Request(payload=PAYLOAD))
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        await call.done_sending()  # nobody hears it


async def test_a_call_that_the_server_has_ended_takes_no_more(bridge_server: Start) -> None:
    async with grpc_bridge.insecure_channel(bridge_server(Failing())) as channel:
        call = stub_of(channel).Talk()
        await call.send(Request())
        assert (await call.receive()).number == 1
        with pytest.raises(grpc_bridge.EOF):
            await call.receive()
        with pytest.raises(grpc_bridge.EOF):
            await call.send(Request())


async def test_cancelling_who_receives_cancels_the_call(stub: Any) -> None:
    call = stub.Talk()
    receiving = asyncio.create_task(call.receive())
    await asyncio.sleep(0)
    receiving.cancel("enough")
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await receiving
    assert cancelled.value.args == told_across_tasks("enough")
    assert call.cancelled()
    with pytest.raises(grpc.RpcError) as caught:
        await call.send(Request())
    assert caught.value.code() is grpc.StatusCode.CANCELLED


async def test_with_our_aio_a_cancelled_call_raises_as_a_cancelled_task_does(target: str) -> None:
    async with grpc_bridge.aio.insecure_channel(target) as channel:
        call = stub_of(channel).Talk()
        call.cancel()
        for use in (call.receive(), call.send(Request())):
            with pytest.raises(asyncio.CancelledError):
                await use


async def test_a_request_that_cannot_be_serialized_harms_nobody(stub: Any) -> None:
    call = stub.Collect()
    with pytest.raises(TypeError):
        await call.send("not a message")
    await call.send(Request(number=3))
    await call.done_sending()
    assert (await call).number == 3


# ---- misuse -------------------------------------------------------------------------------------------


async def test_nothing_is_sent_after_the_end(stub: Any) -> None:
    call = stub.Talk()
    await call.done_sending()
    with pytest.raises(grpc.aio.UsageError, match=r"after done_sending\(\)"):
        await call.send(Request())
    call.cancel()


async def test_an_iterator_and_sending_are_refused(stub: Any) -> None:
    call = stub.Talk([Request(number=1)])
    with pytest.raises(grpc.aio.UsageError, match="from an iterator or are sent by hand"):
        await call.send(Request())
    with pytest.raises(grpc.aio.UsageError, match="from an iterator or are sent by hand"):
        await call.done_sending()
    assert (await call.receive()).number == 2


READS: dict[str, Callable[[Any], Any]] = {
    "async for": lambda call: anext(aiter(call)),
    "read()": lambda call: call.read(),
    "receive()": lambda call: call.receive(),
}


@pytest.mark.parametrize(("first", "second"), [(a, b) for a in READS for b in READS if a != b])
async def test_two_styles_of_reading_are_refused(stub: Any, first: str, second: str) -> None:
    call = stub.Watch(Request(number=3))
    await READS[first](call)
    with pytest.raises(grpc.aio.UsageError, match="not with both"):
        await READS[second](call)
    await READS[first](call)


async def test_with_call_without_requests_is_refused(stub: Any) -> None:
    with pytest.raises(TypeError, match="would wait for ever"):
        await stub.Collect.with_call()
    with pytest.raises(TypeError, match="would wait for ever"):
        await asyncio.to_thread(stub.Collect.with_call, None)


def test_another_loop_is_refused_with_the_remedy(
    target: str, loop_in_thread: Callable[..., LoopInThread]
) -> None:
    home, away = loop_in_thread(), loop_in_thread()
    with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(channel)

        async def begin() -> Any:
            call = stub.Talk()
            await call.send(Request(number=1))
            return call

        async def use(act: Callable[[], Any]) -> Any:
            return await act()

        call = home.run(begin())
        for act in (lambda: call.send(Request()), call.receive, call.done_sending):
            with pytest.raises(grpc_bridge.BoundToAnotherLoop, match="started on another event loop"):
                away.run(use(act))
        assert home.run(use(call.receive)).number == 2
        home.run(use(call.done_sending))


# ---- a call of a loop, used from a thread -------------------------------------------------------------


async def test_threads_send_and_receive_on_a_call_of_a_loop(stub: Any) -> None:
    call = stub.Talk()

    def send() -> None:
        for number in range(10):
            call.send(Request(number=number))

    def receive() -> list[int]:
        received = []
        try:
            while True:
                received.append(call.receive().number)
        except grpc_bridge.EOF:
            return received

    receiving = asyncio.create_task(asyncio.to_thread(receive))
    await asyncio.gather(*(asyncio.to_thread(send) for _ in range(3)))
    await asyncio.to_thread(call.done_sending)
    assert sorted(await receiving) == sorted([2 * number for number in range(10)] * 3)
    assert await call.code() is OK


async def test_in_a_callback_on_the_loop_it_would_deadlock(stub: Any) -> None:
    call = stub.Talk()
    raised: list[BaseException] = []

    def callback(_: Any) -> None:
        for act in (lambda: call.send(Request()), call.receive):
            try:
                act()
            except RuntimeError as error:
                raised.append(error)

    done = stub.Ask.future(Request())
    done.add_done_callback(callback)
    await done
    await until(lambda: len(raised) == 2)
    assert [type(error) for error in raised] == [grpc_bridge.WouldDeadlock] * 2
    call.cancel()


# ---- in a thread --------------------------------------------------------------------------------------


def test_a_thread_has_a_conversation(target: str) -> None:
    with grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(channel).Talk()
        for number in range(3):
            call.send(Request(number=number))
            assert call.receive().number == 2 * number
        assert call.is_active()
        call.done_sending()
        with pytest.raises(grpc_bridge.EOF):
            call.receive()
        assert (call.code(), call.details(), call.done()) == (OK, "", True)


def test_a_thread_iterates_over_the_responses(target: str) -> None:
    with grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(channel).Talk()
        with futures.ThreadPoolExecutor(1) as pool:
            sending = pool.submit(
                lambda: [call.send(Request(number=number)) for number in range(20)] and call.done_sending()
            )
            assert [reply.number for reply in call] == [2 * number for number in range(20)]
            sending.result(PATIENCE)


@pytest.mark.parametrize("way", ["call", "future"])
def test_a_thread_sends_a_stream(target: str, way: str) -> None:
    with grpc_bridge.insecure_channel(target) as channel:
        collect = stub_of(channel).Collect
        call = collect() if way == "call" else collect.future()
        for number in range(5):
            call.send(Request(number=number))
        with pytest.raises(grpc.FutureTimeoutError):
            call.result(timeout=0.05)
        call.done_sending()
        assert call.result(timeout=PATIENCE).number == 10
        for kind in (grpc.Call, grpc.Future):
            assert isinstance(call, kind)


def test_a_thread_gets_the_calls_error(bridge_server: Start) -> None:
    with grpc_bridge.insecure_channel(bridge_server(Failing())) as channel:
        call = stub_of(channel).Collect()
        with pytest.raises(grpc.RpcError) as caught:  # noqa: PT012
            while True:
                call.send(Request(payload=PAYLOAD))
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_thread_cancels(target: str) -> None:
    with grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(channel).Talk()
        with futures.ThreadPoolExecutor(1) as pool:
            receiving = pool.submit(call.receive)
            assert call.cancel()
            with pytest.raises(grpc.RpcError) as caught:
                receiving.result(PATIENCE)
        assert caught.value.code() is grpc.StatusCode.CANCELLED


def test_a_call_that_a_thread_drops_is_cancelled_without_a_word(grpcio_server: Start) -> None:
    entered, over = threading.Event(), threading.Event()

    class Watching(Echo):
        def Talk(self, request_iterator, context):
            context.add_callback(over.set)
            entered.set()
            over.wait(PATIENCE)
            yield Reply()

    with grpc_bridge.insecure_channel(grpcio_server(Watching())) as channel:
        call = stub_of(channel).Talk()
        assert entered.wait(PATIENCE)
        del call
        gc.collect()
        assert over.wait(PATIENCE)


def test_a_closed_channel_refuses_it(target: str) -> None:
    channel = grpc_bridge.insecure_channel(target)
    stub = stub_of(channel)
    channel.close()
    with pytest.raises(ValueError, match="closed channel"):
        stub.Talk()


def test_with_interceptors_too(target: str) -> None:
    class Passes(grpc.StreamStreamClientInterceptor, grpc.StreamUnaryClientInterceptor):
        def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
            return continuation(client_call_details, request_iterator)

        def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
            return continuation(client_call_details, request_iterator)

    with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Passes()))
        with stub.Talk() as call:
            call.send(Request(number=1))
            assert call.receive().number == 2
        collecting = stub.Collect.future()
        collecting.send(Request(number=1))
        collecting.done_sending()
        assert collecting.result(timeout=PATIENCE).number == 1


async def test_blocking_on_a_loop_gives_the_threads_call(stub: Any) -> None:
    with grpc_bridge.blocking():
        with pytest.warns(grpc_bridge.BlockingCallWarning):
            call = stub.Talk()
        call.send(Request(number=1))
        assert call.receive().number == 2
        call.done_sending()
        with pytest.raises(grpc_bridge.EOF):
            call.receive()


# ---- as a context manager -----------------------------------------------------------------------------


class Telling(Echo):
    """Tells how its requests ended, and when the RPC was over."""

    def __init__(self) -> None:
        self.requests: list[int] = []
        self.ended = threading.Event()
        self.over = threading.Event()

    def Collect(self, request_iterator, context):
        context.add_callback(self.over.set)
        self.requests = [request.number for request in request_iterator]
        self.ended.set()
        return Reply(number=sum(self.requests))

    def Talk(self, request_iterator, context):
        context.add_callback(self.over.set)
        for request in request_iterator:
            yield Reply(number=request.number)
        self.ended.set()

    def Watch(self, request, context):
        context.add_callback(self.over.set)
        while context.is_active():
            yield Reply()


@pytest.fixture
def telling() -> Telling:
    return Telling()


@pytest.fixture
async def told(start: Start, telling: Telling) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(start(telling)) as channel:
        yield stub_of(channel)


async def test_leaving_an_upload_waits_until_it_has_arrived(told: Any, telling: Telling) -> None:
    async with told.Collect() as call:
        for number in range(5):
            await call.send(Request(number=number))
    assert telling.ended.is_set()
    assert telling.requests == list(range(5))
    assert (await call).number == 10


async def test_leaving_an_upload_raises_its_failure(bridge_server: Start) -> None:
    async with grpc_bridge.insecure_channel(bridge_server(Failing())) as channel:
        with pytest.raises(grpc.RpcError, match="not you"):
            async with stub_of(channel).Collect():
                pass


async def test_leaving_a_conversation_that_is_over_says_nothing(told: Any) -> None:
    async with told.Talk() as call:
        await call.send(Request(number=1))
        await call.done_sending()
        assert (await call.receive()).number == 1
        with pytest.raises(grpc_bridge.EOF):
            await call.receive()
    assert not call.cancelled()
    assert await call.code() is OK


@pytest.mark.parametrize("method", ["Watch", "Talk"])
async def test_leaving_a_stream_ends_it(told: Any, telling: Telling, method: str) -> None:
    async with told.Watch(Request()) if method == "Watch" else told.Talk() as call:
        if method == "Talk":
            await call.send(Request())
        await call.receive()
    assert call.done()
    await wait_in_thread(telling.over)


@pytest.mark.parametrize("method", ["Watch", "Talk", "Collect"])
async def test_leaving_with_an_exception_cancels(told: Any, telling: Telling, method: str) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with told.Watch(Request()) if method == "Watch" else getattr(told, method)() as call:
            raise KeyError("mine")
    assert call.cancelled()
    assert not telling.ended.is_set()


def test_a_thread_enters_calls_too(start: Start, telling: Telling) -> None:
    with grpc_bridge.insecure_channel(start(telling)) as channel:
        stub = stub_of(channel)
        with stub.Collect() as call:
            call.send(Request(number=7))
        assert (call.result().number, telling.requests) == (7, [7])
        with stub.Talk() as call:
            call.send(Request(number=1))
            assert call.receive().number == 1
        assert call.done()
        with pytest.raises(KeyError, match="mine"), stub.Talk() as call:
            raise KeyError("mine")
        assert call.cancelled()


async def test_with_in_a_coroutine_names_the_remedy(stub: Any) -> None:
    call = stub.Talk()
    with pytest.raises(TypeError, match="`async with`"):
        call.__enter__()
    call.cancel()


# ---- many waiters of one call -------------------------------------------------------------------------


async def wait_for(call: Any) -> Any:
    return await call


@pytest.mark.parametrize("method", ["Ask", "Collect"])
async def test_a_call_goes_wherever_an_awaitable_goes(stub: Any, method: str) -> None:
    def begin() -> Any:
        return getattr(stub, method)(Request(number=3) if method == "Ask" else [Request(number=3)])

    call = begin()
    assert [reply.number for reply in await asyncio.gather(wait_for(call), wait_for(call), call)] == [3] * 3
    assert (await call).number == 3
    assert [reply.number for reply in await asyncio.gather(begin(), begin())] == [3, 3]
    assert (await asyncio.wait_for(begin(), PATIENCE)).number == 3
    assert (await asyncio.shield(begin())).number == 3
    task = asyncio.ensure_future(begin())
    done, pending = await asyncio.wait({task}, timeout=PATIENCE)
    assert (done, pending, task.result().number) == ({task}, set(), 3)
    assert [(await one).number for one in asyncio.as_completed([begin(), begin()])] == [3, 3]
    replies = await asyncio.gather(getattr(stub, method).with_call(Request() if method == "Ask" else []))
    assert len(replies[0]) == 2
    if hasattr(asyncio, "TaskGroup"):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(wait_for(begin())) for _ in range(3)]
        assert [one.result().number for one in tasks] == [3] * 3


async def test_shielded_a_call_survives_who_waits_for_it(grpcio_server: Start) -> None:
    entered, release = threading.Event(), threading.Event()

    class Held(Echo):
        def Ask(self, request, context):
            entered.set()
            release.wait(PATIENCE)
            return Reply(number=1)

    async with grpc_bridge.insecure_channel(grpcio_server(Held())) as channel:
        call = asyncio.ensure_future(stub_of(channel).Ask(Request()))

        async def wait_shielded() -> Any:
            return await asyncio.shield(call)

        task = asyncio.create_task(wait_shielded())
        await wait_in_thread(entered)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()
        assert (await call).number == 1
