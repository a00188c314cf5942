"""Libraries that instrument gRPC put functions of their own in the place of grpcio's: ours go by those, too.

OpenTelemetry, Sentry and others replace `grpc.insecure_channel`, `grpc.secure_channel`, `grpc.server` and the
three of `grpc.aio` by functions that call the one which was there, and wrap what it returns or give it more
interceptors. A program that imports grpc_bridge in grpc's place does not call those names any more. So where
one has been replaced, it is called all the same, and what it puts around grpcio's channel, or gives to
grpcio's server, goes around ours.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import types
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from typing import Any

import grpc
from grpc import _channel, _interceptor, _server

from grpc_bridge import _signature
from grpc_bridge._client_interceptor import ClientCallDetails, intercept_channel

_LOGGER = logging.getLogger("grpc_bridge")

Interceptors = Sequence[Any] | None


def replacement(name: str, module: types.ModuleType = grpc) -> Callable[..., Any] | None:
    """What a library has put in the place of a function of grpcio's, if one has."""
    function: Callable[..., Any] = getattr(module, name)
    # One that passes itself off as grpcio's (functools.wraps) has its own globals all the same.
    if type(function) is types.FunctionType and function.__globals__["__name__"].split(".")[0] == "grpc":
        return None
    return function


def around_channel(channel: grpc.Channel, make: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """The channel within what `make` puts around a channel of grpcio's."""
    made = make(**arguments)
    layers = []
    layer = made
    while not isinstance(layer, _channel.Channel):
        inner = getattr(layer, "_channel", None)
        if not isinstance(inner, grpc.Channel):
            # Not around anything, but something else, as a test puts it there.
            channel.close()
            return made
        layers.append(layer)
        layer = inner
    layer.close()
    for each in reversed(layers):
        interceptor = each._interceptor if isinstance(each, _interceptor._Channel) else _Layer(each)
        channel = intercept_channel(channel, interceptor)
    return channel


def server_interceptors(make: Callable[..., Any], interceptors: Interceptors) -> Interceptors:
    """The interceptors that `make` gives to a server of grpcio's for which these are asked."""
    # This server never starts; it needs a pool, and uses nothing of it.
    made = make(futures.ThreadPoolExecutor(1), interceptors=interceptors)
    if not isinstance(made, _server._Server):
        _warn_that_it_is_not_followed(make)
        return interceptors
    pipeline = made._state.interceptor_pipeline
    return () if pipeline is None else tuple(pipeline.interceptors)


def aio_interceptors(make: Callable[..., Any], interceptors: Interceptors, *arguments: Any) -> Interceptors:
    """The interceptors that `make` gives to a channel or a server of grpc.aio's for which these are asked."""
    # grpc.aio's need a loop, and refuse what is no interceptor before they make anything.
    given = (*(interceptors or ()), object())

    async def refused() -> Interceptors:
        try:
            make(*arguments, interceptors=given)
        except ValueError as error:
            return _interceptors_of(error, given[-1])
        return None

    with futures.ThreadPoolExecutor(1) as pool:
        found = pool.submit(asyncio.run, refused()).result()
    if found is None:
        _warn_that_it_is_not_followed(make)
        return interceptors
    return found


def _interceptors_of(error: Exception, last: object) -> Interceptors:
    """What the innermost function that raised it had been given, without the last."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        interceptors = trace.tb_frame.f_locals.get("interceptors")
        if isinstance(interceptors, (list, tuple)) and any(each is last for each in interceptors):
            found = [each for each in interceptors if each is not last]
        trace = trace.tb_next
    return found


def _warn_that_it_is_not_followed(make: Callable[..., Any]) -> None:
    _LOGGER.warning(
        "grpcio's function was replaced by %r, which makes something else: grpc_bridge cannot follow it, and "
        "goes without what it does",
        make,
    )


class _Layer(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """A class of a library's that wraps a channel, as an interceptor: so it may wait in a coroutine."""

    def __init__(self, wrapper: Any) -> None:
        self._wrapper = wrapper

    def _around(self, continuation: Callable[..., Any]) -> Any:
        wrapper = copy.copy(self._wrapper)
        wrapper._channel = _Continuing(continuation)
        return wrapper

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        method = self._around(continuation).unary_unary(client_call_details.method)
        return method.future(request, *_arguments(client_call_details))

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        method = self._around(continuation).unary_stream(client_call_details.method)
        return method(request, *_arguments(client_call_details))

    def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        method = self._around(continuation).stream_unary(client_call_details.method)
        return method.future(request_iterator, *_arguments(client_call_details))

    def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        method = self._around(continuation).stream_stream(client_call_details.method)
        return method(request_iterator, *_arguments(client_call_details))


def _arguments(details: Any) -> tuple[Any, ...]:
    return tuple(getattr(details, name, None) for name in ClientCallDetails._fields[1:])


class _Continuing(grpc.Channel):
    """The channel within a layer: its calls go on to what the layer is put around."""

    def __init__(self, continuation: Callable[..., Any]) -> None:
        self._continuation = continuation

    def unary_unary(self, method: str, *serializers: Any, **named: Any) -> Any:
        return _Unary(self._continuation, method)

    def unary_stream(self, method: str, *serializers: Any, **named: Any) -> Any:
        return _Stream(self._continuation, method)

    stream_unary = unary_unary
    stream_stream = unary_stream

    def subscribe(self, callback: Any, try_to_connect: bool | None = False) -> None:
        raise RuntimeError("a wrapper of a channel cannot subscribe while it makes a call")

    unsubscribe = subscribe

    def close(self) -> None:
        """Nothing: whose channel it is closes it."""

    def __enter__(self) -> _Continuing:
        return self

    def __exit__(self, *reason: object) -> None:
        pass


class _Stream(_signature.UnaryRequest):
    """A method whose calls are given to the continuation."""

    def __init__(self, continuation: Callable[..., Any], method: str) -> None:
        self._continuation = continuation
        self._method = method

    def _call(self, request: Any, *arguments: Any) -> Any:
        return self._continuation(ClientCallDetails(self._method, *arguments), request)


class _Unary(_Stream):
    """The same, where there is one response."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.future(*arguments, **named).result()

    def with_call(self, *arguments: Any, **named: Any) -> Any:
        call = self.future(*arguments, **named)
        return call.result(), call

    def future(self, *arguments: Any, **named: Any) -> Any:
        return super().__call__(*arguments, **named)
