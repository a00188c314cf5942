"""Server interceptors of both kinds, unmodified and mixed in one list, around handlers of either colour.

That wrap the handler, and what it takes and gives; that replace it; that refuse the RPC; that ask the context
for its code when the handler has returned.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable
from concurrent import futures
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, Start, serving_here, stub_of
from ..protos.exchange_pb2 import Reply, Request

COLOURS = pytest.mark.parametrize("servicer_class", [Echo, AsyncEcho], ids=["functions", "coroutines"])


def rebuilt(handler: Any, behavior: Callable[..., Any]) -> Any:
    """As interceptors do it: a handler of the same kind with another behavior."""
    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[handler.request_streaming, handler.response_streaming]
    return make(behavior, handler.request_deserializer, handler.response_serializer)


def behavior_of(handler: Any) -> Callable[..., Any]:
    return next(
        filter(None, (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream))
    )


class Wraps(grpc.ServerInterceptor):
    """Written for grpcio: wraps the handler, each message in and out, and asks for the code at the end."""

    def __init__(self, name: str, log: list[Any]) -> None:
        self.name, self.log = name, log

    def intercept_service(self, continuation, handler_call_details):
        self.log.append((self.name, "intercepts", handler_call_details.method.rsplit("/")[-1]))
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        behavior = behavior_of(handler)

        def wrapper(request_or_iterator, context):
            self.log.append((self.name, "before"))
            try:
                if handler.request_streaming:
                    request_or_iterator = self._each("in", request_or_iterator)
                response = behavior(request_or_iterator, context)
                if not handler.response_streaming:
                    self.log.append((self.name, "gives", type(response).__name__))
            except Exception as error:
                self.log.append((self.name, "raises", type(error).__name__, context.code()))
                raise
            if handler.response_streaming:
                return self._each("out", response, context)
            self.log.append((self.name, "after", context.code()))
            return response

        return rebuilt(handler, wrapper)

    def _each(self, what, iterator, context=None):
        for item in iterator:
            self.log.append((self.name, what, item.number))
            yield item
        if context is not None:
            self.log.append((self.name, "after", context.code()))


class AioWraps(grpc.aio.ServerInterceptor):
    """The same, written for grpc.aio."""

    def __init__(self, name: str, log: list[Any]) -> None:
        self.name, self.log = name, log

    async def intercept_service(self, continuation, handler_call_details):
        self.log.append((self.name, "intercepts", handler_call_details.method.rsplit("/")[-1]))
        await asyncio.sleep(0)
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        behavior = behavior_of(handler)

        async def answer(request_or_iterator, context):
            self.log.append((self.name, "before"))
            if handler.request_streaming:
                request_or_iterator = self._each("in", request_or_iterator)
            try:
                response = await behavior(request_or_iterator, context)
                self.log.append((self.name, "gives", type(response).__name__))
            except Exception as error:
                self.log.append((self.name, "raises", type(error).__name__, context.code()))
                raise
            self.log.append((self.name, "after", context.code()))
            return response

        async def stream(request_or_iterator, context):
            self.log.append((self.name, "before"))
            if handler.request_streaming:
                request_or_iterator = self._each("in", request_or_iterator)
            async for response in self._each("out", behavior(request_or_iterator, context), context):
                yield response

        return rebuilt(handler, stream if handler.response_streaming else answer)

    async def _each(self, what, iterator, context=None):
        async for item in iterator:
            self.log.append((self.name, what, item.number))
            yield item
        if context is not None:
            self.log.append((self.name, "after", context.code()))


class Passes(grpc.ServerInterceptor):
    """Looks, and touches nothing."""

    def __init__(self, name: str, log: list[Any]) -> None:
        self.name, self.log = name, log

    def intercept_service(self, continuation, handler_call_details):
        self.log.append((self.name, "intercepts", handler_call_details.method.rsplit("/")[-1]))
        return continuation(handler_call_details)


class AioPasses(grpc.aio.ServerInterceptor):
    def __init__(self, name: str, log: list[Any]) -> None:
        self.name, self.log = name, log

    async def intercept_service(self, continuation, handler_call_details):
        self.log.append((self.name, "intercepts", handler_call_details.method.rsplit("/")[-1]))
        return await continuation(handler_call_details)


KINDS = (Wraps, AioWraps)
MIXES = [*itertools.product(KINDS, repeat=2), *itertools.product(KINDS, repeat=3)]


@pytest.fixture(params=["from sync code", "in a coroutine"])
async def serve(request: pytest.FixtureRequest, bridge_server: Start) -> AsyncIterator[Any]:
    """Starts a server with interceptors; gives a stub of it."""
    opened: list[Any] = []

    async def start(servicer: Any, interceptors: Any, **options: Any) -> Any:
        options["interceptors"] = interceptors
        if request.param == "from sync code":
            target = bridge_server(servicer, **options)
        else:
            opened.append(serving_here(servicer, **options))
            target = await opened[-1].__aenter__()
        opened.append(grpc_bridge.insecure_channel(target))
        return stub_of(await opened[-1].__aenter__())

    yield start
    for each in reversed(opened):
        await each.__aexit__(None, None, None)


async def use_all(stub: Any) -> list[Any]:
    requests = [Request(number=1), Request(number=2)]
    return [
        (await stub.Ask(Request(text="a", number=5), timeout=PATIENCE)).text,
        [reply.number async for reply in stub.Watch(Request(number=2), timeout=PATIENCE)],
        (await stub.Collect(requests, timeout=PATIENCE)).number,
        [reply.number async for reply in stub.Talk(requests, timeout=PATIENCE)],
    ]


ANSWERS = ["A", [0, 1], 3, [2, 4]]


def of(log: list[Any], name: str) -> list[Any]:
    return [entry[1:] for entry in log if entry[0] == name]


# What one interceptor has seen after `use_all`.
SEEN = [
    *[("intercepts", "Ask"), ("before",), ("gives", "Reply"), ("after", None)],
    *[("intercepts", "Watch"), ("before",), ("out", 0), ("out", 1), ("after", None)],
    *[("intercepts", "Collect"), ("before",), ("in", 1), ("in", 2), ("gives", "Reply"), ("after", None)],
    *[("intercepts", "Talk"), ("before",), ("in", 1), ("out", 2), ("in", 2), ("out", 4), ("after", None)],
]


@COLOURS
@pytest.mark.parametrize("kinds", MIXES, ids=lambda kinds: "-".join(kind.__name__ for kind in kinds))
async def test_any_mix_wraps_either_colour_in_order(serve: Any, servicer_class: Any, kinds: Any) -> None:
    log: list[Any] = []
    names = [f"{number}" for number in range(len(kinds))]
    stub = await serve(servicer_class(), [kind(name, log) for kind, name in zip(kinds, names, strict=True)])
    assert await use_all(stub) == ANSWERS
    for name in names:
        assert of(log, name) == SEEN
    for event in ("intercepts", "before"):
        order = [entry[0] for entry in log if entry[1] == event]
        assert order == names * 4
    assert [entry[0] for entry in log if entry[1] == "gives"] == names[::-1] * 2


@COLOURS
@pytest.mark.parametrize("container", [list, tuple])
async def test_interceptors_that_touch_nothing(serve: Any, servicer_class: Any, container: Any) -> None:
    log: list[Any] = []
    interceptors = container([Passes("0", log), AioPasses("1", log), Passes("2", log)])
    stub = await serve(servicer_class(), interceptors)
    assert await use_all(stub) == ANSWERS
    assert [entry[0] for entry in log] == ["0", "1", "2"] * 4


# ---- refusing and replacing --------------------------------------------------------------------------


class Refuses(grpc.ServerInterceptor):
    """As in grpcio's examples."""

    def intercept_service(self, continuation, handler_call_details):
        if ("token", "right") in handler_call_details.invocation_metadata:
            return continuation(handler_call_details)

        def abort(request, context):  # noqa: ARG001
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong token")

        return grpc.unary_unary_rpc_method_handler(abort)


class AioRefuses(grpc.aio.ServerInterceptor):
    async def intercept_service(self, continuation, handler_call_details):
        if ("token", "right") in handler_call_details.invocation_metadata:
            return await continuation(handler_call_details)

        async def abort(request, context):  # noqa: ARG001
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong token")

        return grpc.unary_unary_rpc_method_handler(abort)


class Replaces(grpc.ServerInterceptor):
    """Answers itself."""

    def intercept_service(self, continuation, handler_call_details):
        handler = continuation(handler_call_details)
        return rebuilt(handler, lambda request, context: Reply(text="instead"))  # noqa: ARG005


class AioReplaces(grpc.aio.ServerInterceptor):
    async def intercept_service(self, continuation, handler_call_details):
        handler = await continuation(handler_call_details)

        async def answer(request, context):  # noqa: ARG001
            return Reply(text="instead")

        return rebuilt(handler, answer)


@COLOURS
@pytest.mark.parametrize("outer", [Wraps, AioWraps, None])
@pytest.mark.parametrize("refuses", [Refuses, AioRefuses])
@pytest.mark.parametrize("inner", [Wraps, AioWraps, None])
async def test_an_interceptor_refuses(
    serve: Any, servicer_class: Any, outer: Any, refuses: Any, inner: Any
) -> None:
    log: list[Any] = []
    interceptors = [refuses()]
    if outer is not None:
        interceptors.insert(0, outer("outer", log))
    if inner is not None:
        interceptors.append(inner("inner", log))
    stub = await serve(servicer_class(), interceptors)
    with pytest.raises(grpc.RpcError) as caught:
        await stub.Ask(Request(), timeout=PATIENCE)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.UNAUTHENTICATED, "wrong token")
    assert of(log, "inner") == []
    if outer is not None:
        code = grpc.StatusCode.UNAUTHENTICATED
        assert of(log, "outer")[-1] == ("raises", "AbortError", code)
    right = (("token", "right"),)
    assert (await stub.Ask(Request(text="a"), metadata=right, timeout=PATIENCE)).text == "A"


@COLOURS
@pytest.mark.parametrize("outer", [Wraps, AioWraps])
@pytest.mark.parametrize("replaces", [Replaces, AioReplaces])
async def test_an_interceptor_answers_itself(
    serve: Any, servicer_class: Any, outer: Any, replaces: Any
) -> None:
    log: list[Any] = []
    stub = await serve(servicer_class(), [outer("outer", log), replaces()])
    assert (await stub.Ask(Request(text="a"), timeout=PATIENCE)).text == "instead"
    assert of(log, "outer") == [("intercepts", "Ask"), ("before",), ("gives", "Reply"), ("after", None)]


class Nobody(grpc.ServerInterceptor):
    def intercept_service(self, continuation, handler_call_details):
        return None


class Raises(grpc.ServerInterceptor):
    def intercept_service(self, continuation, handler_call_details):
        raise ValueError("out of order")


class AioRaises(grpc.aio.ServerInterceptor):
    async def intercept_service(self, continuation, handler_call_details):
        raise ValueError("out of order")


@pytest.mark.parametrize("outer", [Wraps, AioWraps])
@pytest.mark.parametrize(
    ("inner", "code", "details"),
    [
        (Nobody, grpc.StatusCode.UNIMPLEMENTED, "Method not found!"),
        (Raises, grpc.StatusCode.UNKNOWN, "Error in service handler!"),
        (AioRaises, grpc.StatusCode.UNKNOWN, "Error in service handler!"),
    ],
)
async def test_no_handler_and_a_bad_interceptor(
    serve: Any, outer: Any, inner: Any, code: Any, details: str
) -> None:
    stub = await serve(AsyncEcho(), [outer("outer", []), inner()])
    with pytest.raises(grpc.RpcError) as caught:
        await stub.Ask(Request(), timeout=PATIENCE)
    assert (caught.value.code(), caught.value.details()) == (code, details)


# ---- what wrappers see of errors, aborts and cancelling ----------------------------------------------


class Misbehaves(Echo):
    def Ask(self, request, context):
        if request.text == "abort":
            context.abort(grpc.StatusCode.NOT_FOUND, "not here")
        raise ValueError("no")


class AsyncMisbehaves(AsyncEcho):
    async def Ask(self, request, context):
        await asyncio.sleep(0)
        if request.text == "abort":
            await context.abort(grpc.StatusCode.NOT_FOUND, "not here")
        raise ValueError("no")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("servicer_class", [Misbehaves, AsyncMisbehaves])
async def test_a_wrapper_sees_what_the_handler_raises(serve: Any, servicer_class: Any, kind: Any) -> None:
    log: list[Any] = []
    stub = await serve(servicer_class(), [kind("0", log)])
    for text, code, details, seen in (
        ("abort", grpc.StatusCode.NOT_FOUND, "not here", "AbortError"),
        ("raise", grpc.StatusCode.UNKNOWN, "Exception calling application: no", "ValueError"),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            await stub.Ask(Request(text=text), timeout=PATIENCE)
        assert (caught.value.code(), caught.value.details()) == (code, details)
        assert log[-1][1:3] == ("raises", seen)


class Endless(AsyncEcho):
    def __init__(self) -> None:
        self.closed = threading.Event()

    async def Watch(self, request, context):
        try:
            while True:
                yield Reply()
                await asyncio.sleep(0)
        finally:
            self.closed.set()


class EndlessGenerator(Echo):
    def __init__(self) -> None:
        self.closed = threading.Event()

    def Watch(self, request, context):
        try:
            while True:
                yield Reply()
        finally:
            self.closed.set()


@pytest.mark.parametrize("kinds", MIXES[:4], ids=lambda kinds: "-".join(kind.__name__ for kind in kinds))
@pytest.mark.parametrize("servicer_class", [Endless, EndlessGenerator])
async def test_a_cancelled_stream_ends_behind_wrappers(serve: Any, servicer_class: Any, kinds: Any) -> None:
    servicer = servicer_class()
    with futures.ThreadPoolExecutor(2) as pool:
        stub = await serve(servicer, [kind(str(n), []) for n, kind in enumerate(kinds)], thread_pool=pool)
        for _ in range(3):
            servicer.closed.clear()
            call = stub.Watch(Request())
            await call.read()
            call.cancel()
            assert await asyncio.to_thread(servicer.closed.wait, PATIENCE)


async def test_sync_wrappers_of_coroutines_hold_no_threads(serve: Any) -> None:
    """More open streams than the pool has threads; and its threads are all taken."""
    taken = threading.Event()
    with futures.ThreadPoolExecutor(1) as pool:
        stub = await serve(Endless(), [Wraps("0", []), Wraps("1", [])], thread_pool=pool)
        pool.submit(taken.wait, PATIENCE)
        calls = [stub.Watch(Request(), timeout=PATIENCE) for _ in range(20)]
        for call in calls:
            await call.read()
        for call in calls:
            call.cancel()
        taken.set()


class Stalls(grpc.aio.ServerInterceptor):
    """Never comes to an end of its own."""

    def __init__(self) -> None:
        self.entered, self.ended = threading.Event(), threading.Event()

    async def intercept_service(self, continuation, handler_call_details):
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()


async def test_an_interceptor_is_cancelled_with_its_rpc(serve: Any) -> None:
    stalls = Stalls()
    stub = await serve(AsyncEcho(), [stalls])
    call = stub.Ask.future(Request())
    assert await asyncio.to_thread(stalls.entered.wait, PATIENCE)
    call.cancel()
    assert await asyncio.to_thread(stalls.ended.wait, PATIENCE)
