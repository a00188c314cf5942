"""From a method handler, as generated code makes it, to what the core calls."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent import futures
from typing import Any, cast

import grpc

from grpc_bridge._border import running_loop
from grpc_bridge._bridge import can_wait_here, wait_here
from grpc_bridge._cy.server_call import HandlerPlan, ServerCall
from grpc_bridge._errors import WouldDeadlock
from grpc_bridge._grpc_types import RpcMethodHandler


def runs_on_loop(behavior: Callable[..., Any]) -> bool:
    """Whether calling it certainly gives a coroutine or an async generator, and so cannot block."""
    while isinstance(behavior, (functools.partial, _OnContext)):
        behavior = behavior.func
    if not callable(behavior):
        return False  # the call will say so
    if _is_async(behavior):
        return True
    return not inspect.isroutine(behavior) and _is_async(type(behavior).__call__)


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def behavior_of(handler: RpcMethodHandler) -> Callable[..., Any]:
    """The user's function of a method handler."""
    if handler.request_streaming:
        behavior = handler.stream_stream if handler.response_streaming else handler.stream_unary
    else:
        behavior = handler.unary_stream if handler.response_streaming else handler.unary_unary
    return cast(Callable[..., Any], behavior)


class _OnContext:
    """The behavior of a streaming handler that takes its context alone, and receives requests from it."""

    __slots__ = ("_has_request", "_streams", "func")

    def __init__(self, handler: RpcMethodHandler) -> None:
        self.func = behavior_of(handler)
        self._has_request = not handler.request_streaming
        self._streams = handler.response_streaming

    def __call__(self, request: Any, context: Any) -> Any:
        if self._has_request:
            context.request = request
        result = self.func(context)
        # A plain function has sent its responses when it returns.
        return () if result is None and self._streams else result


def settled_shape(handler: RpcMethodHandler) -> RpcMethodHandler:
    """The handler with a behavior of two arguments: one that takes its context alone is wrapped."""
    if not (handler.request_streaming or handler.response_streaming):
        return handler
    return (
        with_behavior(handler, _OnContext(handler)) if _takes_context_alone(behavior_of(handler)) else handler
    )


def _takes_context_alone(behavior: Callable[..., Any]) -> bool:
    code = getattr(behavior, "__code__", None)
    if code is not None and code.co_argcount - inspect.ismethod(behavior) == 2:
        return False  # nearly every handler, known without the long way
    try:
        signature = inspect.signature(behavior)
    except (TypeError, ValueError):
        return False
    return not _binds(signature, 2) and _binds(signature, 1)


def _binds(signature: inspect.Signature, arguments: int) -> bool:
    try:
        signature.bind(*[None] * arguments)
    except TypeError:
        return False
    return True


_MAKERS: dict[tuple[bool, bool], Callable[..., RpcMethodHandler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def with_behavior(handler: RpcMethodHandler, behavior: Callable[..., Any]) -> RpcMethodHandler:
    """A handler of the same kind with another behavior."""
    make = _MAKERS[bool(handler.request_streaming), bool(handler.response_streaming)]
    return make(behavior, handler.request_deserializer, handler.response_serializer)


def plan_of(handler: RpcMethodHandler, pool: futures.Executor) -> HandlerPlan:
    """What the core needs to know of a handler."""
    behavior = behavior_of(handler)
    own_pool = getattr(behavior, "experimental_thread_pool", None)
    if isinstance(own_pool, futures.Executor):
        pool = own_pool
    if handler.response_streaming and getattr(behavior, "experimental_non_blocking", False):
        behavior = calling_back(behavior, pool)
    return HandlerPlan(
        behavior,
        handler.request_deserializer,
        handler.response_serializer,
        handler.request_streaming,
        handler.response_streaming,
        runs_on_loop(behavior),
        pool,
    )


def calling_back(behavior: Callable[..., Any], pool: futures.Executor) -> Callable[..., Any]:
    """A handler that takes a function to call with each response, and with None at the end.

    grpcio's health servicer is one (``experimental_non_blocking``). It returns at once, and its stream stays
    open without a thread; the function may be called from any, and never waits for the client.
    """

    async def respond(request: Any, context: Any) -> AsyncIterator[Any]:
        loop = asyncio.get_running_loop()
        responses: asyncio.Queue[Any] = asyncio.Queue()

        def send(response: Any) -> None:
            try:
                loop.call_soon_threadsafe(responses.put_nowait, response)
            except RuntimeError:
                if not loop.is_closed():
                    raise

        call = functools.partial(behavior, request, context, send_response_callback=send)
        await loop.run_in_executor(pool, contextvars.copy_context().run, call)
        return _until_none(responses)

    return respond


async def _until_none(queue: asyncio.Queue[Any]) -> AsyncIterator[Any]:
    while (response := await queue.get()) is not None:
        yield response


class RequestIterator:
    """A handler's requests: iterate with ``for`` in a thread, with ``async for`` on the loop."""

    __slots__ = ("_call",)

    def __init__(self, call: ServerCall) -> None:
        self._call = call

    def __aiter__(self) -> RequestIterator:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Any]:
        return self._call.read_next()

    def __iter__(self) -> RequestIterator:
        return self

    def __next__(self) -> Any:
        if can_wait_here():
            request = wait_here(self._call.read())
            if request is None:
                raise StopIteration
            return request
        if running_loop() is not None:
            raise WouldDeadlock(
                f"{self._call.method}: `for` over the requests would block the event loop; use `async for`"
            )
        request = self._call.read_blocking()
        if request is None:
            if self._call.cancelled:
                raise grpc.RpcError()
            raise StopIteration
        return request

    next = __next__
