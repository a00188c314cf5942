"""What an intercepted call offers to who made it: its surface, its end, and what it says when dropped."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
import warnings
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import LoopInThread, Start, stub_of, until, wait_in_thread
from ..protos.exchange_pb2 import Reply, Request
from ..users.conftest import Patient
from ..users.test_item_07_client_interceptors import AioFourKinds, Codes, FourKinds, Telling, Wrapping
from ..versions import told_across_tasks

OK = grpc.StatusCode.OK


class Passes(FourKinds):
    """Hands the call on."""


class Waits(FourKinds):
    """Waits for the end of the call, or the beginning of its stream."""

    def intercept(self, continuation, details, request, streams):
        call = continuation(details, request)
        call.initial_metadata() if streams else call.code()
        return call


class CallsBack(FourKinds):
    """Keeps hold of the call, by its callback."""

    def intercept(self, continuation, details, request, streams):
        call = continuation(details, request)
        call.add_done_callback(lambda done: done.code())
        return call


class AioPasses(AioFourKinds):
    """Hands the call on, later."""


class AioWaits(AioFourKinds):
    """Waits for the end of the call, or the beginning of its stream."""

    async def intercept(self, continuation, details, request, streams):
        call = await continuation(details, request)
        await (call.initial_metadata() if streams else call.code())
        return call


class AioIterators(AioFourKinds):
    """Wraps the responses."""

    async def intercept(self, continuation, details, request, streams):
        call = await continuation(details, request)
        return self._wrapped(call) if streams else call

    async def _wrapped(self, call: Any) -> AsyncIterator[Any]:
        async for response in call:
            yield response


INTERCEPTORS: dict[str, Callable[[], list[Any]]] = {
    "passes": lambda: [Passes()],
    "waits": lambda: [Waits()],
    "calls back": lambda: [CallsBack()],
    "wraps": lambda: [Wrapping()],
    "aio passes": lambda: [AioPasses()],
    "aio waits": lambda: [AioWaits()],
    "aio wraps": lambda: [AioIterators()],
    "sync in aio": lambda: [AioPasses(), Waits()],
    "aio in sync": lambda: [Passes(), AioPasses()],
    "deep": lambda: [Passes(), Waits(), AioPasses(), AioWaits(), CallsBack()] * 4,
}

CALLS: dict[str, Callable[[Any], Any]] = {
    "Ask": lambda stub: stub.Ask(Request(number=2)),
    "Watch": lambda stub: stub.Watch(Request(number=2)),
    "Collect": lambda stub: stub.Collect([Request(number=2)]),
    "Talk": lambda stub: stub.Talk([Request(number=2)]),
}


@pytest.fixture(params=INTERCEPTORS)
def interceptors(request: pytest.FixtureRequest) -> list[Any]:
    return INTERCEPTORS[request.param]()


@pytest.fixture
async def stub(grpcio_server: Start, interceptors: list[Any]) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        yield stub_of(grpc_bridge.intercept_channel(channel, *interceptors))


@pytest.fixture
def servicer() -> Patient:
    return Patient()


@pytest.fixture
async def patient(grpcio_server: Start, servicer: Patient, interceptors: list[Any]) -> AsyncIterator[Any]:
    """A stub of a server that answers nobody."""
    async with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        yield stub_of(grpc_bridge.intercept_channel(channel, *interceptors))
    servicer.over.set()


async def whole(call: Any) -> Any:
    """See the call to its end."""
    return [reply async for reply in call] if hasattr(call, "__anext__") else await call


# ---- the surface --------------------------------------------------------------------------------------

AIO_CLASSES = {
    "Ask": grpc.aio.UnaryUnaryCall,
    "Watch": grpc.aio.UnaryStreamCall,
    "Collect": grpc.aio.StreamUnaryCall,
    "Talk": grpc.aio.StreamStreamCall,
}


@pytest.mark.parametrize("method", CALLS)
async def test_it_is_what_code_asks_for(stub: Any, method: str) -> None:
    call = CALLS[method](stub)
    for kind in (grpc.Call, grpc.Future, grpc.RpcError, grpc.RpcContext, AIO_CLASSES[method]):
        assert isinstance(call, kind)
    for other in set(AIO_CLASSES) - {method}:
        assert not isinstance(call, AIO_CLASSES[other])
    for kind in (grpc.Call, grpc.Future):
        for name, _ in inspect.getmembers(kind, inspect.isfunction):
            assert callable(getattr(call, name))
    await whole(call)


@pytest.mark.parametrize("method", CALLS)
async def test_it_answers_before_its_end_and_after(stub: Any, method: str) -> None:
    seen: list[Any] = []
    call = CALLS[method](stub)
    assert repr(call)
    call.add_done_callback(lambda done: seen.append((done is call, done.done(), done.code(), done.details())))
    assert isinstance(call.add_callback(lambda: seen.append("over")), bool)
    await whole(call)
    assert await call.code() is OK
    assert await call.details() == ""
    assert await call.exception() is None
    assert await call.traceback() is None
    assert isinstance(await call.trailing_metadata(), tuple)
    assert isinstance(await call.initial_metadata(), tuple)
    assert isinstance(await call.debug_error_string(), str)
    assert (call.done(), call.running(), call.is_active()) == (True, False, False)
    assert (call.cancelled(), call.cancel(), call.add_callback(lambda: None)) == (False, False, False)
    await until(lambda: len(seen) == 2)
    assert (True, True, OK, "") in seen


@pytest.mark.parametrize("method", ["Ask", "Collect"])
async def test_a_thread_asks_it(stub: Any, method: str) -> None:
    call = getattr(stub, method).future(Request(number=2) if method == "Ask" else [Request(number=2)])

    def ask() -> tuple[Any, ...]:
        return call.result(timeout=20).number, call.code(), call.exception(), call.details()

    assert await asyncio.to_thread(ask) == (2, OK, None, "")
    assert (await call).number == 2


@pytest.mark.parametrize("method", ["Watch", "Talk"])
async def test_a_thread_iterates_over_it(stub: Any, method: str) -> None:
    call = CALLS[method](stub)
    numbers = await asyncio.to_thread(lambda: [reply.number for reply in call])
    assert numbers == ([0, 1] if method == "Watch" else [4])


@pytest.mark.parametrize("method", ["Watch", "Talk"])
async def test_each_style_reads_it_and_two_are_refused(stub: Any, method: str) -> None:
    call = CALLS[method](stub)
    first = await call.read()
    assert isinstance(first, Reply)
    with pytest.raises(grpc.aio.UsageError):
        aiter(call)
    while await call.read() is not grpc.aio.EOF:
        pass
    call = CALLS[method](stub)
    assert isinstance(await call.receive(), Reply)
    with pytest.raises(grpc.aio.UsageError):
        await call.read()
    with pytest.raises(grpc_bridge.EOF):  # noqa: PT012
        while True:
            await call.receive()
    assert await call.code() is OK


@pytest.mark.parametrize("method", ["Collect", "Talk"])
async def test_an_iterator_and_writing_are_refused(stub: Any, method: str) -> None:
    call = CALLS[method](stub)
    for write in (call.write, call.send):
        with pytest.raises(grpc.aio.UsageError):
            await write(Request())
    await whole(call)


async def test_requests_are_sent_by_hand(stub: Any) -> None:
    call = stub.Collect()
    for number in range(3):
        await call.send(Request(number=number))
    await call.done_sending()
    await call.done_sending()
    with pytest.raises((grpc.aio.UsageError, grpc_bridge.EOF)):
        await call.send(Request())
    assert (await call).number == 3


async def test_a_conversation_by_hand(grpcio_server: Start) -> None:
    async with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        for interceptors in ([Passes()], [Wrapping()], [AioPasses()], [AioIterators(), Wrapping()]):
            stub = stub_of(grpc_bridge.intercept_channel(channel, *interceptors))
            async with stub.Talk() as call:
                for number in range(3):
                    await call.send(Request(number=number))
                    assert (await call.receive()).number == 2 * number
                await call.done_sending()
                with pytest.raises(grpc_bridge.EOF):
                    await call.receive()
                with pytest.raises(grpc_bridge.EOF):
                    await call.send(Request())


def test_another_loop_is_refused_with_the_remedy(
    grpcio_server: Start, loop_in_thread: Callable[..., LoopInThread]
) -> None:
    home, away = loop_in_thread(), loop_in_thread()
    with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, AioWaits()))

        async def start() -> Any:
            return stub.Ask.future(Request(number=1))

        async def wait(call: Any) -> Any:
            return await call.result()

        call = home.run(start())
        with pytest.raises(grpc_bridge.BoundToAnotherLoop, match="started on another event loop"):
            away.run(wait(call))
        assert home.run(wait(call)).number == 1


# ---- cancellation -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", CALLS)
async def test_cancelling_the_task_cancels_the_rpc(patient: Any, servicer: Patient, method: str) -> None:
    task = asyncio.create_task(whole(CALLS[method](patient)))
    await wait_in_thread(servicer.entered)
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.args == told_across_tasks("enough")
    await wait_in_thread(servicer.over)


@pytest.mark.parametrize("by", ["hand", "thread"])
@pytest.mark.parametrize("method", CALLS)
async def test_a_call_cancelled_by_hand_is_an_rpc_error(
    patient: Any, servicer: Patient, method: str, by: str
) -> None:
    call = CALLS[method](patient)
    seen: list[Any] = []
    call.add_done_callback(lambda done: seen.append((done.cancelled(), done.code())))
    task = asyncio.create_task(whole(call))
    await wait_in_thread(servicer.entered)
    assert call.cancel() if by == "hand" else await asyncio.to_thread(call.cancel)
    with pytest.raises(grpc.RpcError) as caught:
        await task
    assert caught.value.code() is grpc.StatusCode.CANCELLED
    assert not task.cancelled()
    assert (call.cancelled(), call.done(), call.cancel()) == (True, True, False)
    assert await call.code() is grpc.StatusCode.CANCELLED
    assert await call.details() == "Locally cancelled by application!"
    for ask in (call.result, call.exception, call.traceback):
        with pytest.raises(grpc.FutureCancelledError):
            await ask()
    await until(lambda: seen)
    assert seen == [(True, grpc.StatusCode.CANCELLED)]
    await wait_in_thread(servicer.over)


@pytest.mark.parametrize("method", CALLS)
async def test_with_our_aio_it_raises_what_a_cancelled_task_raises(
    grpcio_server: Start, servicer: Patient, interceptors: list[Any], method: str
) -> None:
    target = grpcio_server(servicer)
    async with grpc_bridge.aio.insecure_channel(target, interceptors=interceptors) as channel:
        call = CALLS[method](stub_of(channel))
        task = asyncio.create_task(whole(call))
        await wait_in_thread(servicer.entered)
        assert call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert call.cancelled()
        assert await call.code() is grpc.StatusCode.CANCELLED
        await wait_in_thread(servicer.over)


async def test_who_only_asks_does_not_own_the_call(patient: Any, servicer: Patient) -> None:
    call = patient.Ask.future(Request())
    await wait_in_thread(servicer.entered)
    for ask in (call.code, call.result, call.trailing_metadata):
        with pytest.raises((asyncio.TimeoutError, TimeoutError)):
            await asyncio.wait_for(ask(), 0.05)
    with pytest.raises(grpc.FutureTimeoutError):
        await call.result(timeout=0.05)
    with pytest.raises(grpc.FutureTimeoutError):
        await asyncio.to_thread(call.exception, 0.05)
    assert not call.done()
    servicer.over.set()
    assert await call == Reply()


async def test_an_interceptor_cleans_up_when_it_is_cancelled(grpcio_server: Start, servicer: Patient) -> None:
    cleaned: list[str] = []

    class Cleans(FourKinds):
        def intercept(self, continuation, details, request, streams):
            try:
                return Waits().intercept(continuation, details, request, streams)
            finally:
                cleaned.append("sync")

    class AioCleans(AioFourKinds):
        async def intercept(self, continuation, details, request, streams):
            try:
                call = await continuation(details, request)
                await call.code()
                return call
            finally:
                cleaned.append("async")

    async with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, AioCleans(), Cleans()))
        call = stub.Ask(Request())
        await wait_in_thread(servicer.entered)
        with pytest.raises((asyncio.TimeoutError, TimeoutError)):
            await asyncio.wait_for(whole(call), 0.05)
    assert sorted(cleaned) == ["async", "sync"]


# ---- dropped ------------------------------------------------------------------------------------------


def texts(caught: list[warnings.WarningMessage]) -> list[str]:
    return [str(one.message) for one in caught if one.category is grpc_bridge.UnawaitedCallWarning]


DROPS: dict[str, Callable[[Any], Any]] = {
    **CALLS,
    "Ask.with_call": lambda stub: stub.Ask.with_call(Request()),
    "Collect.with_call": lambda stub: stub.Collect.with_call([Request()]),
}


@pytest.mark.parametrize("method", DROPS)
async def test_a_call_thrown_away_warns_once_and_is_cancelled(
    patient: Any, servicer: Patient, method: str
) -> None:
    asyncio.get_running_loop().set_debug(True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call = DROPS[method](patient)
        await wait_in_thread(servicer.entered)
        del call
        gc.collect()
        await wait_in_thread(servicer.over)
        await asyncio.sleep(0)
        gc.collect()
    [text] = texts(caught)
    assert f"a call of /grpc_bridge.testing.Exchange/{method.partition('.')[0]} " in text
    assert f"(started at {__file__}:{DROPS[method].__code__.co_firstlineno})" in text


@pytest.mark.parametrize("method", ["Ask", "Collect"])
async def test_a_future_may_be_thrown_away(patient: Any, servicer: Patient, method: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call = getattr(patient, method).future(Request() if method == "Ask" else [])
        await wait_in_thread(servicer.entered)
        del call
        gc.collect()
    assert texts(caught) == []
    assert not servicer.over.is_set()


async def test_a_call_that_was_seen_to_its_end_does_not_warn(stub: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for method in CALLS:
            await whole(CALLS[method](stub))
        await stub.Ask.with_call(Request())
        gc.collect()
    assert texts(caught) == []


async def test_a_stream_left_early_is_cancelled_without_a_word(grpcio_server: Start) -> None:
    over = threading.Event()

    class Endless(Patient):
        def Watch(self, request, context):
            context.add_callback(over.set)
            while context.is_active():
                yield Reply()

    target = grpcio_server(Endless())
    for interceptors in (
        [Passes()],
        [Wrapping()],
        [AioPasses()],
        [AioIterators()],
        [CallsBack(), Wrapping()],
    ):
        over.clear()
        async with grpc_bridge.insecure_channel(target) as channel:
            stub = stub_of(grpc_bridge.intercept_channel(channel, *interceptors))
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                call = stub.Watch(Request())
                async for _ in call:
                    break
                gone = weakref.ref(call)
                del call
                gc.collect()
                assert gone() is None
                await wait_in_thread(over)
            assert texts(caught) == []


# ---- in threads, where only a loop can run the interceptor --------------------------------------------


def test_a_thread_uses_async_interceptors_as_grpcio_uses_its_own(grpcio_server: Start) -> None:
    with grpc_bridge.insecure_channel(grpcio_server(Telling())) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Codes(), AioIterators(), Codes()))
        assert [reply.number for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
        call = stub.Watch(Request(number=2))
        assert next(call).number == 0
        assert next(call).number == 1
        with pytest.raises(StopIteration):
            next(call)
        assert (call.code(), call.details()) == (OK, "")
        future = stub.Ask.future(Request(number=5))
        called: list[Any] = []
        over = threading.Event()
        future.add_done_callback(lambda done: (called.append(done.result().number), over.set()))
        assert future.result(timeout=20).number == 5
        assert over.wait(20)
        assert (called, future.done(), future.code()) == ([5], True, OK)


def test_a_thread_cancels_and_times_out(grpcio_server: Start) -> None:
    servicer = Patient()
    with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, AioWaits()))
        future = stub.Ask.future(Request())
        assert servicer.entered.wait(20)
        with pytest.raises(grpc.FutureTimeoutError):
            future.result(timeout=0.05)
        assert future.cancel()
        with pytest.raises(grpc.FutureCancelledError):
            future.result()
        assert (future.cancelled(), future.code()) == (True, grpc.StatusCode.CANCELLED)
        assert servicer.over.wait(20)

        servicer.entered.clear()
        servicer.over.clear()
        stream = stub.Watch(Request())
        assert servicer.entered.wait(20)
        assert stream.cancel()
        with pytest.raises(grpc.RpcError) as caught:
            next(stream)
        assert caught.value.code() is grpc.StatusCode.CANCELLED
        assert servicer.over.wait(20)


async def test_blocking_on_a_loop_works_with_async_interceptors(grpcio_server: Start) -> None:
    async with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, AioPasses()))
        with grpc_bridge.blocking():
            with pytest.warns(grpc_bridge.BlockingCallWarning):
                assert stub.Ask(Request(number=4)).number == 4
            with pytest.warns(grpc_bridge.BlockingCallWarning):
                assert [reply.number for reply in stub.Watch(Request(number=2))] == [0, 1]
