"""Client interceptors written for grpcio run unmodified on both colours of call, among those of `grpc.aio`.

They wait for what `continuation` returned with `.code()` or `.result()`, give it callbacks, replace the
details or the method, wrap the requests and the responses, try again, answer themselves and raise; on a
coroutine's call they do so without blocking the loop.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import logging
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import Echo, Start, stub_of, until
from ..protos.exchange_pb2 import Reply, Request

OK = grpc.StatusCode.OK


class Telling(Echo):
    """Says in its trailing metadata what it was sent; fails as often as it is told to."""

    def __init__(self) -> None:
        self.failures = 0

    def _tell(self, context: grpc.ServicerContext) -> None:
        if self.failures:
            self.failures -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        sent = [pair for pair in context.invocation_metadata() if pair[0].startswith("sent-")]
        context.send_initial_metadata((("first", "1"),))
        context.set_trailing_metadata((*sent, ("deadline", str(context.time_remaining() < 1e6))))

    def Ask(self, request, context):
        self._tell(context)
        return Reply(text=request.text.upper(), number=request.number)

    def Watch(self, request, context):
        self._tell(context)
        yield from super().Watch(request, context)

    def Collect(self, request_iterator, context):
        self._tell(context)
        return super().Collect(request_iterator, context)

    def Talk(self, request_iterator, context):
        self._tell(context)
        yield from super().Talk(request_iterator, context)


@pytest.fixture
def servicer() -> Telling:
    return Telling()


@pytest.fixture
def target(grpcio_server: Start, servicer: Telling) -> str:
    return grpcio_server(servicer)


# ---- interceptors as they are found, one class of the four kinds each ---------------------------------


class FourKinds(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """One `intercept` for all arities, as most base classes of interceptors have it."""

    def intercept(self, continuation: Any, details: Any, request: Any, streams: bool) -> Any:
        return continuation(details, request)

    def intercept_unary_unary(self, continuation, client_call_details, request):
        return self.intercept(continuation, client_call_details, request, False)

    def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
        return self.intercept(continuation, client_call_details, request_iterator, False)

    def intercept_unary_stream(self, continuation, client_call_details, request):
        return self.intercept(continuation, client_call_details, request, True)

    def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        return self.intercept(continuation, client_call_details, request_iterator, True)


class _ClientCallDetails(
    collections.namedtuple(  # noqa: PYI024
        "_ClientCallDetails", ("method", "timeout", "metadata", "credentials")
    ),
    grpc.ClientCallDetails,
):
    """What every tutorial makes; it knows nothing of wait_for_ready and compression."""


class Header(FourKinds):
    """Adds a header, and a deadline."""

    def intercept(self, continuation, details, request, streams):
        metadata = [*(details.metadata or []), ("sent-header", "value")]
        details = _ClientCallDetails(details.method, 60.0, metadata, details.credentials)
        return continuation(details, request)


class Codes(FourKinds):
    """Waits for the call's status, and for its response where there is one."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def intercept(self, continuation, details, request, streams):
        call = continuation(details, request)
        if not streams:
            self.seen.append((call.code(), call.details(), call.exception()))
            assert call.result() is call.result()
            assert call.done()
            assert not call.cancelled()
            assert ("first", "1") in [tuple(pair) for pair in call.initial_metadata()]
            assert "deadline" in [key for key, _ in call.trailing_metadata()]
            assert call.time_remaining() is None or call.time_remaining() > 0
        else:
            assert ("first", "1") in [tuple(pair) for pair in call.initial_metadata()]
            assert call.is_active() in (True, False)
            self.seen.append((OK, "", None))
        return call


class Callbacks(FourKinds):
    """Counts the calls that have ended, by their codes."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def intercept(self, continuation, details, request, streams):
        call = continuation(details, request)
        call.add_done_callback(lambda done: self.seen.append(done.code()))
        return call


class Wrapping(FourKinds):
    """Wraps the requests and the responses in generators."""

    def __init__(self) -> None:
        self.requests, self.responses = 0, 0

    def _requests(self, requests: Any) -> Iterator[Any]:
        for request in requests:
            self.requests += 1
            yield request

    def _responses(self, responses: Any) -> Iterator[Any]:
        for response in responses:
            self.responses += 1
            yield response

    def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
        return continuation(client_call_details, self._requests(request_iterator))

    def intercept_unary_stream(self, continuation, client_call_details, request):
        return self._responses(continuation(client_call_details, request))

    def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        return self._responses(continuation(client_call_details, self._requests(request_iterator)))


class Retries(FourKinds):
    """Tries again; a list of requests may be sent again."""

    def __init__(self) -> None:
        self.tries = 0

    def intercept(self, continuation, details, request, streams):
        for _ in range(5):
            self.tries += 1
            call = continuation(details, request)
            if call.code() != grpc.StatusCode.UNAVAILABLE:
                break
        return call


# ---- every arity in both colours ----------------------------------------------------------------------


REQUESTS = [Request(number=1), Request(number=2)]


async def from_async_generator() -> AsyncIterator[Request]:
    for request in REQUESTS:
        yield request


COLLECTIONS: dict[str, Callable[[], Any]] = {
    "list": lambda: list(REQUESTS),
    "iterator": lambda: iter(REQUESTS),
    "async generator": from_async_generator,
}


async def use(stub: Any, requests: Callable[[], Any] = COLLECTIONS["list"]) -> None:
    """Every arity, every way to call it, in a coroutine."""
    assert (await stub.Ask(Request(text="a"))).text == "A"
    reply, call = await stub.Ask.with_call(Request(text="b"))
    assert (reply.text, await call.code()) == ("B", OK)
    future = stub.Ask.future(Request(text="c"))
    assert isinstance(future, grpc.Future)
    assert (await future.result(timeout=20)).text == "C"
    assert [reply.number async for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
    assert (await stub.Collect(requests())).number == 3
    assert (await stub.Collect.with_call(requests()))[0].number == 3
    assert (await stub.Collect.future(requests())).number == 3
    assert [reply.number async for reply in stub.Talk(requests())] == [2, 4]


def use_in_thread(stub: Any) -> None:
    """The same in a thread."""
    assert stub.Ask(Request(text="a")).text == "A"
    reply, call = stub.Ask.with_call(Request(text="b"))
    assert (reply.text, call.code()) == ("B", OK)
    assert stub.Ask.future(Request(text="c")).result(timeout=20).text == "C"
    assert [reply.number for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
    assert stub.Collect(iter(REQUESTS)).number == 3
    assert stub.Collect.with_call(iter(REQUESTS))[0].number == 3
    assert stub.Collect.future(iter(REQUESTS)).result(timeout=20).number == 3
    assert [reply.number for reply in stub.Talk(iter(REQUESTS))] == [2, 4]


CALLS = 8
STREAMED = 2


async def use_in_both(stub: Any) -> None:
    await use(stub)
    await asyncio.to_thread(use_in_thread, stub)


async def test_details_are_replaced(target: str) -> None:
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Header()))
        await use_in_both(stub)
        sent = ("sent-header", "value"), ("deadline", "True")
        for call in (stub.Ask.future(Request()), stub.Watch(Request()), stub.Talk([])):
            assert await call.trailing_metadata() == sent
            assert 0 < call.time_remaining() <= 60


async def test_what_continuation_returned_is_waited_for(target: str) -> None:
    codes = Codes()
    async with grpc_bridge.insecure_channel(target) as channel:
        await use_in_both(stub_of(grpc_bridge.intercept_channel(channel, codes)))
    assert codes.seen == [(OK, "", None)] * 2 * CALLS


async def test_callbacks_run_once_for_each_call(target: str) -> None:
    callbacks = Callbacks()
    async with grpc_bridge.insecure_channel(target) as channel:
        await use_in_both(stub_of(grpc_bridge.intercept_channel(channel, callbacks)))
        await until(lambda: len(callbacks.seen) == 2 * CALLS)
    assert callbacks.seen == [OK] * 2 * CALLS


@pytest.mark.parametrize("requests", COLLECTIONS)
async def test_requests_and_responses_are_wrapped(target: str, requests: str) -> None:
    wrapping = Wrapping()
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, wrapping))
        await use(stub, COLLECTIONS[requests])
        assert (wrapping.requests, wrapping.responses) == (4 * 2, 3 + 2)
        await asyncio.to_thread(use_in_thread, stub)
    assert (wrapping.requests, wrapping.responses) == (2 * 4 * 2, 2 * (3 + 2))


async def test_requests_written_by_hand_are_wrapped(target: str) -> None:
    wrapping = Wrapping()
    async with grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(grpc_bridge.intercept_channel(channel, wrapping)).Talk()
        for number in range(3):
            await call.write(Request(number=number))
            assert (await call.read()).number == 2 * number
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is OK
    assert (wrapping.requests, wrapping.responses) == (3, 3)


TRIES: dict[str, Callable[[Any], Any]] = {
    "Ask": lambda stub: stub.Ask(Request(number=3)),
    "Ask, in a thread": lambda stub: asyncio.to_thread(stub.Ask, Request(number=3)),
    "Collect": lambda stub: stub.Collect(REQUESTS),
}


@pytest.mark.parametrize("way", TRIES)
async def test_it_tries_again(target: str, servicer: Telling, way: str) -> None:
    retries = Retries()
    servicer.failures = 3
    async with grpc_bridge.insecure_channel(target) as channel:
        reply = await TRIES[way](stub_of(grpc_bridge.intercept_channel(channel, retries)))
    assert (reply.number, retries.tries) == (3, 4)


async def test_a_stream_is_tried_again(target: str, servicer: Telling) -> None:
    retries = Retries()
    servicer.failures = 3
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, retries))
        call = stub.Watch(Request())
        assert [reply async for reply in call] == []
        assert await call.code() is OK
    assert retries.tries == 4


async def test_tries_that_are_used_up_leave_the_last_error(target: str, servicer: Telling) -> None:
    servicer.failures = 100
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Retries()))
        with pytest.raises(grpc.RpcError) as caught:
            await stub.Ask(Request())
        assert caught.value.details() == "not yet"
        call = stub.Collect.future([])
        assert (await call.exception()).code() is grpc.StatusCode.UNAVAILABLE
        assert await call.code() is grpc.StatusCode.UNAVAILABLE


class Elsewhere(FourKinds):
    """Sends every call to another method."""

    def intercept(self, continuation, details, request, streams):
        return continuation(details._replace(method="/grpc_bridge.testing.Exchange/Gone"), request)


async def test_the_method_is_replaced(target: str) -> None:
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Elsewhere()))
        for start in (stub.Ask.future(Request()), stub.Watch(Request()), stub.Talk([])):
            assert await start.code() is grpc.StatusCode.UNIMPLEMENTED


class NoDeadline(FourKinds):
    def intercept(self, continuation, details, request, streams):
        return continuation(details._replace(timeout=None), request)


async def test_a_deadline_is_taken_away(target: str) -> None:
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, NoDeadline()))
        call = stub.Ask.future(Request(), timeout=60)
        assert dict(await call.trailing_metadata())["deadline"] == "False"


# ---- what takes the place of a call -------------------------------------------------------------------


class OwnFuture(grpc.Future):
    """A future of the interceptor's own, resolved by a thread of its own."""

    def __init__(self, reply: Any) -> None:
        self._reply = reply
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Any] = []
        self._timer = threading.Timer(0.05, self._resolve)
        self._timer.start()

    def _resolve(self) -> None:
        with self._lock:
            self._over.set()
        for callback in self._callbacks:
            callback(self)

    def result(self, timeout=None):
        assert self._over.wait(timeout)
        return self._reply

    def done(self):
        return self._over.is_set()

    def add_done_callback(self, fn):
        with self._lock:
            if not self._over.is_set():
                self._callbacks.append(fn)
                return
        fn(self)

    def exception(self, timeout=None):
        return None

    def traceback(self, timeout=None):
        return None

    def cancel(self):
        return False

    def cancelled(self):
        return False

    def running(self):
        return not self.done()


def future_of_asyncio() -> Any:
    future = asyncio.get_running_loop().create_future()
    future.set_result(Reply(text="mine"))
    return future


async def coroutine() -> Reply:
    return Reply(text="mine")


ANSWERS: dict[str, Callable[[], Any]] = {
    "a grpc.Future": lambda: OwnFuture(Reply(text="mine")),
    "a plain response": lambda: Reply(text="mine"),
    "an asyncio.Future": future_of_asyncio,
    "a coroutine": coroutine,
}


class Answers(grpc.UnaryUnaryClientInterceptor):
    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def intercept_unary_unary(self, continuation, client_call_details, request):
        return self.make()


@pytest.mark.parametrize("answer", ANSWERS)
async def test_an_answer_of_the_interceptors_own(target: str, answer: str) -> None:
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Answers(ANSWERS[answer])))
        assert (await stub.Ask(Request())).text == "mine"
        reply, call = await stub.Ask.with_call(Request())
        assert reply.text == "mine"
        assert call.done()
        future = stub.Ask.future(Request())
        seen: list[Any] = []
        future.add_done_callback(lambda done: seen.append(done.result().text))
        assert (await future.result(timeout=20)).text == "mine"
        assert await future.exception() is None
        await until(lambda: seen == ["mine"])
        assert (future.done(), future.cancel(), future.cancelled()) == (True, False, False)


async def test_responses_of_the_interceptors_own(target: str) -> None:
    class Cached(grpc.UnaryStreamClientInterceptor):
        def intercept_unary_stream(self, continuation, client_call_details, request):
            return iter([Reply(number=7), Reply(number=8)])

    async with grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(grpc_bridge.intercept_channel(channel, Cached())).Watch(Request())
        assert [reply.number async for reply in call] == [7, 8]
        assert await call.code() is OK


# ---- exceptions ---------------------------------------------------------------------------------------


class Refused(Exception):
    pass


class Raises(FourKinds):
    def intercept(self, continuation, details, request, streams):
        raise Refused("not today")


WAYS: dict[str, Callable[[Any], Any]] = {
    "Ask": lambda stub: stub.Ask(Request()),
    "Ask.with_call": lambda stub: stub.Ask.with_call(Request()),
    "Ask.future": lambda stub: stub.Ask.future(Request()).result(),
    "Watch": lambda stub: anext(aiter(stub.Watch(Request()))),
    "Collect": lambda stub: stub.Collect([]),
    "Collect.future": lambda stub: stub.Collect.future([]),
    "Talk": lambda stub: anext(aiter(stub.Talk([]))),
}


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after a wait"])
@pytest.mark.parametrize("way", WAYS)
async def test_what_an_interceptor_raises_is_raised_with_its_traceback(
    target: str, way: str, waits: bool
) -> None:
    class WaitsThenRaises(Raises):
        def intercept(self, continuation, details, request, streams):
            if waits:
                continuation(details, request).code()
            super().intercept(continuation, details, request, streams)

    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Header(), WaitsThenRaises()))
        with pytest.raises(Refused, match="not today") as caught:
            await WAYS[way](stub)
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames[-1] == "intercept"


async def test_a_future_tells_what_its_interceptor_raised(target: str) -> None:
    async with grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(grpc_bridge.intercept_channel(channel, Raises())).Ask.future(Request())
        assert isinstance(await call.exception(), Refused)
        assert await call.traceback() is not None
        assert await call.code() is grpc.StatusCode.INTERNAL
        assert call.done()
        assert not call.add_callback(lambda: None)


async def test_an_rpc_that_fails_is_told_to_the_interceptor(target: str, servicer: Telling) -> None:
    told: list[Any] = []

    class Tells(FourKinds):
        def intercept(self, continuation, details, request, streams):
            call = continuation(details, request)
            error = call.exception()
            told.append((error.code(), error.details(), isinstance(error, grpc.RpcError)))
            with pytest.raises(grpc.RpcError):
                call.result()
            return call

    servicer.failures = 100
    expected = [(grpc.StatusCode.UNAVAILABLE, "not yet", True)]
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Tells()))
        for way in WAYS.values():
            with pytest.raises(grpc.RpcError) as caught:
                await way(stub)
            assert caught.value.details() == "not yet"
    assert told == expected * len(WAYS)


# ---- mixed with interceptors of grpc.aio --------------------------------------------------------------


class Order(FourKinds):
    def __init__(self, name: str, seen: list[str]) -> None:
        self.name, self.seen = name, seen

    def intercept(self, continuation, details, request, streams):
        assert isinstance(details.method, str)
        self.seen.append(self.name)
        return continuation(details, request)


class AioFourKinds(
    grpc.aio.UnaryUnaryClientInterceptor,
    grpc.aio.UnaryStreamClientInterceptor,
    grpc.aio.StreamUnaryClientInterceptor,
    grpc.aio.StreamStreamClientInterceptor,
):
    """Its like, written for `grpc.aio`."""

    async def intercept(self, continuation: Any, details: Any, request: Any, streams: bool) -> Any:
        return await continuation(details, request)

    async def intercept_unary_unary(self, continuation, client_call_details, request):
        return await self.intercept(continuation, client_call_details, request, False)

    async def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
        return await self.intercept(continuation, client_call_details, request_iterator, False)

    async def intercept_unary_stream(self, continuation, client_call_details, request):
        return await self.intercept(continuation, client_call_details, request, True)

    async def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        return await self.intercept(continuation, client_call_details, request_iterator, True)


class AioOrder(AioFourKinds):
    def __init__(self, name: str, seen: list[str]) -> None:
        self.name, self.seen = name, seen

    async def intercept(self, continuation, details, request, streams):
        assert details.method.decode().startswith("/grpc_bridge.testing.Exchange/")
        assert isinstance(details.metadata, grpc.aio.Metadata)
        await asyncio.sleep(0)
        self.seen.append(self.name)
        return await continuation(details, request)


class AioWrapping(AioFourKinds):
    """Wraps the requests and the responses in async generators."""

    def __init__(self) -> None:
        self.requests, self.responses = 0, 0

    async def _requests(self, requests: Any) -> AsyncIterator[Any]:
        async for request in requests:
            self.requests += 1
            yield request

    async def _responses(self, responses: Any) -> AsyncIterator[Any]:
        async for response in responses:
            self.responses += 1
            yield response

    async def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
        return await continuation(client_call_details, self._requests(request_iterator))

    async def intercept_unary_stream(self, continuation, client_call_details, request):
        return self._responses(await continuation(client_call_details, request))

    async def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        call = await continuation(client_call_details, self._requests(request_iterator))
        return self._responses(call)


MIXES = ["sa", "as", "sas", "asa", "ssaa", "aass", "asasasas"]


@pytest.mark.parametrize("mix", MIXES)
async def test_both_kinds_in_one_list_keep_their_order(target: str, mix: str) -> None:
    seen: list[str] = []
    interceptors = [
        (Order if kind == "s" else AioOrder)(f"{kind}{place}", seen) for place, kind in enumerate(mix)
    ]
    async with grpc_bridge.insecure_channel(target) as channel:
        await use_in_both(stub_of(grpc_bridge.intercept_channel(channel, *interceptors)))
    assert seen == [f"{kind}{place}" for place, kind in enumerate(mix)] * 2 * CALLS


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("requests", COLLECTIONS)
async def test_streams_are_wrapped_by_both_kinds(target: str, mix: str, requests: str) -> None:
    interceptors = [Wrapping() if kind == "s" else AioWrapping() for kind in mix]
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, *interceptors))
        await use(stub, COLLECTIONS[requests])
        await asyncio.to_thread(use_in_thread, stub)
        call = stub.Talk()
        await call.write(Request(number=5))
        assert (await call.read()).number == 10
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
    counted = (2 * 4 * 2 + 1, 2 * (3 + 2) + 1)
    assert [(one.requests, one.responses) for one in interceptors] == [counted] * len(mix)


async def test_twenty_that_wait(target: str) -> None:
    codes = [Codes() for _ in range(20)]
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, *codes))
        await use_in_both(stub)
        replies = await asyncio.gather(*(stub.Ask(Request(number=number)) for number in range(20)))
        assert [reply.number for reply in replies] == list(range(20))
    assert [one.seen for one in codes] == [[(OK, "", None)] * (2 * CALLS + 20)] * 20


# ---- the loop goes on ---------------------------------------------------------------------------------


async def test_an_interceptor_that_waits_lets_the_loop_go_on(grpcio_server: Start) -> None:
    answer = threading.Event()

    class Patient(Telling):
        def Ask(self, request, context):
            answer.wait(20)
            return super().Ask(request, context)

    async with grpc_bridge.insecure_channel(grpcio_server(Patient())) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Codes(), AioOrder("a", []), Codes()))
        task = asyncio.create_task(use_one(stub))
        # The loop itself lets the server answer: were it blocked, nobody would.
        for _ in range(10):
            await asyncio.sleep(0)
        answer.set()
        assert (await task).text == "A"


async def use_one(stub: Any) -> Reply:
    return await stub.Ask(Request(text="a"))  # type: ignore[no-any-return]


class Token(grpc.UnaryUnaryClientInterceptor):
    """Makes an RPC of its own first, on another stub."""

    def __init__(self, stub: Any) -> None:
        self.stub = stub

    def intercept_unary_unary(self, continuation, client_call_details, request):
        token = self.stub.Ask(Request(text="token")).text
        listed = [reply.number for reply in self.stub.Watch(Request(number=2))]
        same, call = self.stub.Collect.with_call(iter(REQUESTS))
        later = self.stub.Ask.future(Request(text="later"))
        assert (listed, same.number, call.code(), later.result().text) == ([0, 1], 3, OK, "LATER")
        metadata = (*(client_call_details.metadata or ()), ("sent-token", token))
        return continuation(client_call_details._replace(metadata=metadata), request)


async def test_an_interceptor_makes_calls_of_its_own(target: str) -> None:
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, Token(stub_of(channel))))
        _, call = await stub.Ask.with_call(Request())
        assert ("sent-token", "TOKEN") in await call.trailing_metadata()
        # Neither its own calls nor those of an intercepted channel block the loop (that would warn).
        nested = stub_of(grpc_bridge.intercept_channel(channel, Token(stub)))
        _, call = await nested.Ask.with_call(Request())
        assert ("sent-token", "TOKEN") in await call.trailing_metadata()
        await asyncio.to_thread(nested.Ask, Request())


# ---- context variables and logging --------------------------------------------------------------------

current: contextvars.ContextVar[str] = contextvars.ContextVar("current", default="unset")


@pytest.mark.parametrize("mix", ["ss", "aa", "sa", "as"])
async def test_a_context_variable_reaches_what_is_inside(target: str, mix: str) -> None:
    seen: list[str] = []

    class Sets(FourKinds):
        def intercept(self, continuation, details, request, streams):
            current.set("set")
            return continuation(details, request)

    class AioSets(AioFourKinds):
        async def intercept(self, continuation, details, request, streams):
            current.set("set")
            return await continuation(details, request)

    class Reads(FourKinds):
        def intercept(self, continuation, details, request, streams):
            call = continuation(details, request)
            if not streams:
                call.code()
            seen.append(current.get())
            return call

    class AioReads(AioFourKinds):
        async def intercept(self, continuation, details, request, streams):
            seen.append(current.get())
            return await continuation(details, request)

    outer = Sets() if mix[0] == "s" else AioSets()
    inner = Reads() if mix[1] == "s" else AioReads()
    async with grpc_bridge.insecure_channel(target) as channel:
        stub = stub_of(grpc_bridge.intercept_channel(channel, outer, inner))
        await asyncio.create_task(use(stub))
        assert current.get() == "unset"
        await asyncio.to_thread(use_in_thread, stub)
    assert seen == ["set"] * 2 * CALLS


async def test_an_interceptor_that_logs(target: str, caplog: pytest.LogCaptureFixture) -> None:
    class Logs(FourKinds):
        def intercept(self, continuation, details, request, streams):
            call = continuation(details, request)
            logging.getLogger("user").info("%s %s", details.method, call)
            return call

    caplog.set_level(logging.INFO, "user")
    async with grpc_bridge.insecure_channel(target) as channel:
        await use_in_both(stub_of(grpc_bridge.intercept_channel(channel, Logs())))
    assert len([record for record in caplog.records if record.name == "user"]) == 2 * CALLS
