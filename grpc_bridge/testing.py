"""grpc_testing's fake channel and fake server, for code of both colours.

``from grpc_bridge import testing`` in place of ``import grpc_testing``, which has to be installed
(``grpcio-testing``). In sync code everything is grpc_testing's own. In a coroutine the rule of grpc_bridge
holds: what can wait returns an awaitable, of the stubs on the channel as of the test's own means::

    call = asyncio.create_task(program(stub))
    metadata, request, rpc = await channel.take_unary_unary(method)
    rpc.terminate(response, (), grpc.StatusCode.OK, "")

Servicers may be of either colour; their coroutines run on `grpc_bridge.run`'s loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from typing import Any

import grpc
import grpc.aio
import grpc_testing
from grpc_testing import strict_fake_time, strict_real_time

from grpc_bridge import _grpc_types, _signature
from grpc_bridge._border import Done, run, run_callback, running_loop, wake
from grpc_bridge._handler_view import FromLoop
from grpc_bridge._multicallable import WithCall
from grpc_bridge._stream import async_iterator

__all__ = ["channel", "server_from_dictionary", "strict_fake_time", "strict_real_time"]

_END: Any = object()


def channel(service_descriptors: Any, time: Any) -> FakeChannel:
    """A fake channel; see ``grpc_testing.channel``.

    `service_descriptors` are those of the services that are called, `time` is a `strict_real_time()` or a
    `strict_fake_time()`. Stubs of it may be used in threads and in coroutines.
    """
    return FakeChannel(grpc_testing.channel(service_descriptors, time))


def server_from_dictionary(descriptors_to_servicers: Mapping[Any, Any], time: Any) -> FakeServer:
    """A fake server; see ``grpc_testing.server_from_dictionary``.

    It serves the servicer that `descriptors_to_servicers` has for a service's descriptor, of either colour;
    `time` is as for `channel`.
    """
    servicers = {each: _Servicer(servicer) for each, servicer in descriptors_to_servicers.items()}
    return FakeServer(grpc_testing.server_from_dictionary(servicers, time))


# ---- waiting -----------------------------------------------------------------------------------------


async def _in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Wait for what blocks, on a thread of its own, which nobody waits for if this is cancelled."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    outcome: list[Any] = []

    def call() -> None:
        try:
            outcome.extend((function(*arguments), None))
        except BaseException as error:
            outcome.extend((None, error))
        wake(loop, waiter)

    threading.Thread(
        target=contextvars.copy_context().run, args=(call,), name="grpc_bridge.testing", daemon=True
    ).start()
    await waiter
    value, error = outcome
    if error is not None:
        raise error
    return value


class _Twin:
    """An object of grpc_testing's: in a coroutine, those of its members that wait return awaitables."""

    _waiting: frozenset[str] = frozenset()

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._original, name)
        if name not in self._waiting:
            return member

        def either(*arguments: Any) -> Any:
            if running_loop() is None:
                return member(*arguments)
            return asyncio.ensure_future(_in_thread(member, *arguments))

        return either


class _TakenRpc(_Twin):
    """A call that was made on a channel, as its test answers it."""

    _waiting = frozenset({"take_request", "requests_closed", "cancelled"})


class _InvokedRpc(_Twin):
    """A call that a test makes of a servicer."""

    _waiting = frozenset({"initial_metadata", "take_response", "termination"})


# ---- the channel -------------------------------------------------------------------------------------


class FakeChannel(grpc.Channel):
    """A ``grpc_testing.Channel`` whose stubs and `take_…` methods work in sync code and in coroutines."""

    def __init__(self, original: grpc_testing.Channel) -> None:
        self._original = original

    @property
    def sync_channel(self) -> FakeChannel:
        """What sync interceptors are put around: they give arguments that grpc_testing's own refuses."""
        return self

    def unary_unary(self, method: str, *serializers: Any, **named: Any) -> Any:
        """See ``grpc.Channel.unary_unary``."""
        return _UnaryUnary(self._original.unary_unary(method))

    def unary_stream(self, method: str, *serializers: Any, **named: Any) -> Any:
        """See ``grpc.Channel.unary_stream``."""
        return _UnaryStream(self._original.unary_stream(method))

    def stream_unary(self, method: str, *serializers: Any, **named: Any) -> Any:
        """See ``grpc.Channel.stream_unary``."""
        return _StreamUnary(self._original.stream_unary(method))

    def stream_stream(self, method: str, *serializers: Any, **named: Any) -> Any:
        """See ``grpc.Channel.stream_stream``."""
        return _StreamStream(self._original.stream_stream(method))

    def take_unary_unary(self, method_descriptor: Any) -> Any:
        """Wait for a call of the method: its metadata, its request, and what to answer it by."""
        return self._take(self._original.take_unary_unary, method_descriptor)

    def take_unary_stream(self, method_descriptor: Any) -> Any:
        """The same for a method that returns a stream."""
        return self._take(self._original.take_unary_stream, method_descriptor)

    def take_stream_unary(self, method_descriptor: Any) -> Any:
        """Wait for a call of the method: its metadata, and what to read and answer it by."""
        return self._take(self._original.take_stream_unary, method_descriptor)

    def take_stream_stream(self, method_descriptor: Any) -> Any:
        """The same for a method that returns a stream."""
        return self._take(self._original.take_stream_stream, method_descriptor)

    def _take(self, take: Callable[..., Any], method_descriptor: Any) -> Any:
        def taken() -> Any:
            *told, rpc = take(method_descriptor)
            return (*told, _TakenRpc(rpc))

        return taken() if running_loop() is None else asyncio.ensure_future(_in_thread(taken))

    def subscribe(self, callback: Any, try_to_connect: bool | None = False) -> None:
        """Not there: a fake channel has no connection."""
        self._original.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Any) -> None:
        """See `subscribe`."""
        self._original.unsubscribe(callback)

    def close(self) -> Any:
        """Close the fake channel; awaitable in a coroutine."""
        self._original.close()
        return None if running_loop() is None else Done(None)

    def __enter__(self) -> FakeChannel:
        return self

    def __exit__(self, *reason: object) -> None:
        self._original.close()

    async def __aenter__(self) -> FakeChannel:
        return self

    async def __aexit__(self, *reason: object) -> None:
        self._original.close()


class _MultiCallable:
    """What the four have in common: in sync code they are grpc_testing's own."""

    # How a call is made of what grpc_testing's multi-callable returns.
    _streaming = False
    _make: Callable[..., Any]

    def __init__(self, original: Any) -> None:
        self._original = original

    def _call(self, request: Any, timeout: float | None, metadata: Any, *others: Any) -> Any:
        if running_loop() is None:
            return self._original(request, timeout, metadata)
        return self._start(request, timeout, metadata)

    def _with_call(self, request: Any, timeout: float | None, metadata: Any, *others: Any) -> Any:
        if running_loop() is None:
            return self._original.with_call(request, timeout, metadata)
        return WithCall(self._start(request, timeout, metadata))

    def _future(self, request: Any, timeout: float | None, metadata: Any, *others: Any) -> Any:
        if running_loop() is None:
            return self._original.future(request, timeout, metadata)
        return self._start(request, timeout, metadata)

    def _start(self, request: Any, timeout: float | None, metadata: Any) -> Any:
        write = None
        if self._streaming:
            request, write = _requests(request)
        return self._make(request, timeout, metadata, write)

    def _make_unary(self, request: Any, timeout: float | None, metadata: Any, write: Any) -> Any:
        return _UnaryResponseCall(self._original.future(request, timeout, metadata), write)

    def _make_stream(self, request: Any, timeout: float | None, metadata: Any, write: Any) -> Any:
        return _StreamResponseCall(self._original(request, timeout, metadata), write)


class _UnaryUnary(_MultiCallable, _signature.UnaryUnary, _grpc_types.UnaryUnaryMultiCallable):
    _make = _MultiCallable._make_unary


class _UnaryStream(_MultiCallable, _signature.UnaryRequest, _grpc_types.UnaryStreamMultiCallable):
    _make = _MultiCallable._make_stream


class _StreamUnary(_MultiCallable, _signature.StreamUnary, _grpc_types.StreamUnaryMultiCallable):
    _streaming = True
    _make = _MultiCallable._make_unary


class _StreamStream(_MultiCallable, _signature.StreamRequest, _grpc_types.StreamStreamMultiCallable):
    _streaming = True
    _make = _MultiCallable._make_stream


def _requests(source: Any) -> tuple[Iterator[Any], Callable[[Any], None] | None]:
    """The requests for grpc_testing's thread, and what puts one there if they are written by hand."""
    if source is None:
        written: queue.SimpleQueue[Any] = queue.SimpleQueue()
        return iter(written.get, _END), written.put
    iterator = async_iterator(source)
    if iterator is not None:
        source = FromLoop(iterator, asyncio.get_running_loop())
    # A generator ends when it has raised; grpc_testing asks any other iterator again for ever.
    return (request for request in source), None


class _Call(_Twin):
    """A call made in a coroutine."""

    _waiting = frozenset({"result", "code", "details", "initial_metadata", "trailing_metadata"})

    def __init__(self, original: Any, write: Callable[[Any], None] | None) -> None:
        super().__init__(original)
        self._put = write
        # grpc_testing's calls do not say whether they are over, but their code waits for it.
        self._over = asyncio.ensure_future(_in_thread(original.code))

    def done(self) -> bool:
        """Whether the call is over."""
        return self._over.done()

    def running(self) -> bool:
        """Whether the call is not over."""
        return not self._over.done()

    is_active = running

    def cancelled(self) -> bool:
        """Whether the call was cancelled."""
        return self._over.done() and self._over.result() is grpc.StatusCode.CANCELLED

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Call `callback`, in the sync context, when the call is over; False if it is."""
        if self._over.done():
            return False
        self._over.add_done_callback(lambda _: run_callback(callback))
        return True

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call `callback` with this call, in the sync context, when it is over."""
        self._over.add_done_callback(lambda _: run_callback(lambda: callback(self)))

    async def write(self, request: Any) -> None:
        """Send a request of a call that was given no iterator."""
        self._write(request)

    async def done_writing(self) -> None:
        """Send no more requests."""
        self._write(_END)

    def _write(self, request: Any) -> None:
        if self._put is None:
            raise grpc.aio.UsageError("requests come from an iterator or from write(), not from both")
        self._put(request)

    async def _wait(self, awaitable: Awaitable[Any]) -> Any:
        try:
            return await awaitable
        except asyncio.CancelledError:
            self._original.cancel()
            raise


class _UnaryResponseCall(_Call):
    def __await__(self) -> Generator[Any, None, Any]:
        return self._response().__await__()

    async def _response(self) -> Any:
        # grpc_testing could not cancel a call while its result() waits.
        await self._wait(asyncio.shield(self._over))
        return self._original.result()


class _StreamResponseCall(_Call):
    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            response = await self._wait(_in_thread(next, self._original, _END))
        except grpc.RpcError:
            await asyncio.shield(self._over)
            raise
        if response is _END:
            await asyncio.shield(self._over)
            raise StopAsyncIteration
        return response

    async def read(self) -> Any:
        """The next response, or ``grpc.aio.EOF``."""
        return await anext(self, grpc.aio.EOF)


grpc.Call.register(_Call)
grpc.Future.register(_UnaryResponseCall)


# ---- the server --------------------------------------------------------------------------------------


class FakeServer:
    """A ``grpc_testing.Server`` for servicers of both colours."""

    def __init__(self, original: grpc_testing.Server) -> None:
        self._original = original

    def invoke_unary_unary(
        self, method_descriptor: Any, invocation_metadata: Any, request: Any, timeout: float | None
    ) -> Any:
        """Call the method's handler; what to see its answer by. `timeout` is in seconds."""
        return _InvokedRpc(
            self._original.invoke_unary_unary(method_descriptor, invocation_metadata, request, timeout)
        )

    def invoke_unary_stream(
        self, method_descriptor: Any, invocation_metadata: Any, request: Any, timeout: float | None
    ) -> Any:
        """The same for a method that returns a stream."""
        return _InvokedRpc(
            self._original.invoke_unary_stream(method_descriptor, invocation_metadata, request, timeout)
        )

    def invoke_stream_unary(
        self, method_descriptor: Any, invocation_metadata: Any, timeout: float | None
    ) -> Any:
        """Call the method's handler; what to send it requests and to see its answer by.

        `timeout` is in seconds.
        """
        return _InvokedRpc(
            self._original.invoke_stream_unary(method_descriptor, invocation_metadata, timeout)
        )

    def invoke_stream_stream(
        self, method_descriptor: Any, invocation_metadata: Any, timeout: float | None
    ) -> Any:
        """The same for a method that returns a stream."""
        return _InvokedRpc(
            self._original.invoke_stream_stream(method_descriptor, invocation_metadata, timeout)
        )


class _Servicer:
    """A servicer of either colour, as grpc_testing's threads call it."""

    def __init__(self, servicer: Any) -> None:
        self._servicer = servicer

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._servicer, name)

        def call(argument: Any, context: grpc.ServicerContext) -> Any:
            if hasattr(argument, "__next__"):
                argument = _Requests(argument)
            result = method(argument, _Context(context))
            if inspect.isawaitable(result):
                result = run(result)
            responses = async_iterator(result)
            return result if responses is None else _waited(responses)

        return call


def _waited(responses: AsyncIterator[Any]) -> Iterator[Any]:
    async def step() -> Any:
        return await anext(responses, _END)

    while (response := run(step())) is not _END:
        yield response


class _Requests:
    """A handler's requests, for ``for`` and for ``async for``."""

    def __init__(self, original: Iterator[Any]) -> None:
        self._original = original

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._original)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        request = await _in_thread(next, self._original, _END)
        if request is _END:
            raise StopAsyncIteration
        return request


class _Context(_Twin):
    """grpc_testing's context; in a coroutine, what has nothing to return may be awaited."""

    def send_initial_metadata(self, initial_metadata: Any) -> Any:
        """See ``grpc.ServicerContext.send_initial_metadata``."""
        self._original.send_initial_metadata(initial_metadata)
        return None if running_loop() is None else Done(None)


grpc.ServicerContext.register(_Context)
