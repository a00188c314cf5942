"""What generated ``*_pb2_grpc_async.py`` files are typed with: calls and contexts that know their messages.

For annotations; nothing here is ever instantiated. The types are those that a coroutine sees. The call of
a method with one response is a ``Coroutine`` to a type checker, so that mypy (``unused-coroutine``) and
pyright (``reportUnusedCoroutine``) point at a forgotten ``await``. It is no coroutine object, and has
started already: run several at a time with `asyncio.gather`, or start them with `future`, which is typed as
the call that it gives; ``asyncio.create_task`` wants a coroutine and refuses both.
In a thread the same stub gives plain values, which no annotation can tell.
"""

from __future__ import annotations

import abc
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Sequence,
)
from types import TracebackType
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, overload

import grpc

T = TypeVar("T")
Request = TypeVar("Request")
Response = TypeVar("Response")
T_co = TypeVar("T_co", covariant=True)
Request_contra = TypeVar("Request_contra", contravariant=True)
Response_co = TypeVar("Response_co", covariant=True)


class AsyncNext(Protocol[T_co]):
    """An object with ``__anext__``."""

    def __anext__(self) -> Awaitable[T_co]: ...


Later: TypeAlias = Coroutine[Any, Any, T]
"""What has to be awaited, at once."""

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]
Requests: TypeAlias = Iterable[T] | AsyncIterable[T] | AsyncNext[T]
"""What a stream of requests may be: an iterable of either kind, or an object with ``__anext__`` alone."""

OneResponse: TypeAlias = T | Awaitable[T]
"""What a handler with one response returns: the response, or an awaitable of it, as ``async def`` does."""

Responses: TypeAlias = Iterable[T] | AsyncIterable[T] | AsyncNext[T] | Awaitable[None]
"""What a handler with a stream of responses returns: a generator of either kind, any iterator, or, where it
sends them itself (``await context.send(response)``), an awaitable of nothing."""


# ---- the client's calls ------------------------------------------------------------------------------


class Call(Protocol):
    """An RPC in flight; see ``grpc.Call`` and ``grpc.aio.Call``."""

    def is_active(self) -> bool:
        """Whether the RPC has not ended."""
        ...

    def done(self) -> bool:
        """Whether the RPC has ended, for whatever reason."""
        ...

    def cancelled(self) -> bool:
        """Whether `cancel` ended the RPC."""
        ...

    def cancel(self) -> bool:
        """End the RPC with CANCELLED; False when it had ended before. From any thread."""
        ...

    def time_remaining(self) -> float | None:
        """Seconds to the deadline, not below 0; None without one."""
        ...

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Call `callback` once the RPC has ended; False, and no call, if it has ended before."""
        ...

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """Call `fn` with this call once it has ended; at once if it has."""
        ...

    def initial_metadata(self) -> Later[Any]:
        """The metadata that came before the first response."""
        ...

    def trailing_metadata(self) -> Later[Any]:
        """The metadata that came with the status, once the RPC has ended."""
        ...

    def code(self) -> Later[grpc.StatusCode]:
        """The RPC's status, once it has ended."""
        ...

    def details(self) -> Later[str]:
        """The RPC's details, once it has ended."""
        ...

    def debug_error_string(self) -> Later[str]:
        """C-core's account of what went wrong, once the RPC has ended."""
        ...

    def wait_for_connection(self) -> Later[None]:
        """Return when the channel is connected and the call on its way."""
        ...


class UnaryResponseCall(Call, Awaitable[Response_co], Protocol[Response_co]):
    """A call with one response: awaited, the response."""

    def result(self, timeout: float | None = None) -> Later[Response_co]:
        """The response; raises the RPC's error, and ``grpc.FutureTimeoutError`` after `timeout` seconds."""
        ...

    def exception(self, timeout: float | None = None) -> Later[grpc.RpcError | None]:
        """The RPC's error, or None; raises ``grpc.FutureTimeoutError`` after `timeout` seconds."""
        ...


class StreamResponseCall(Call, Protocol[Response_co]):
    """A call with a stream of responses: iterated over, or taken one at a time."""

    def __aiter__(self) -> AsyncIterator[Response_co]: ...
    def __anext__(self) -> Awaitable[Response_co]: ...

    def receive(self) -> Later[Response_co]:
        """The next response; raises ``grpc_bridge.EOF`` at the end of a stream that ended well."""
        ...

    def read(self) -> Later[Response_co | Any]:
        """The next response, or ``grpc.aio.EOF``."""
        ...


class StreamRequestCall(Call, Protocol[Request_contra]):
    """A call that was given no requests: they are sent one at a time."""

    def send(self, message: Request_contra) -> Later[None]:
        """Send a request; raises ``grpc_bridge.EOF`` when the server takes no more, or the RPC's error."""
        ...

    def done_sending(self) -> Later[None]:
        """Say that no request follows."""
        ...

    def write(self, request: Request_contra) -> Later[None]:
        """Send a request, as ``grpc.aio`` does."""
        ...

    def done_writing(self) -> Later[None]:
        """Say that no request follows, as ``grpc.aio`` does."""
        ...


class StreamUnaryCall(
    StreamRequestCall[Request_contra], UnaryResponseCall[Response_co], Protocol[Request_contra, Response_co]
):
    """A stream-unary call that was given no requests; ``async with`` waits for its end on the way out."""

    async def __aenter__(self) -> StreamUnaryCall[Request_contra, Response_co]: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None: ...


class UnaryStreamCall(StreamResponseCall[Response_co], Protocol[Response_co]):
    """A unary-stream call; ``async with`` ends it on the way out."""

    async def __aenter__(self) -> UnaryStreamCall[Response_co]: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None: ...


class StreamStreamCall(
    StreamRequestCall[Request_contra], StreamResponseCall[Response_co], Protocol[Request_contra, Response_co]
):
    """A stream-stream call; ``async with`` ends it on the way out."""

    async def __aenter__(self) -> StreamStreamCall[Request_contra, Response_co]: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None: ...


# ---- a stub's methods --------------------------------------------------------------------------------


class UnaryUnaryMultiCallable(Protocol[Request_contra, Response_co]):
    """A unary-unary method of a stub."""

    def __call__(
        self,
        request: Request_contra,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Later[Response_co]:
        """Start the RPC: awaited, the response. `timeout` is in seconds."""
        ...

    def with_call(
        self,
        request: Request_contra,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Later[tuple[Response_co, UnaryResponseCall[Response_co]]]:
        """As calling it, for the response and its call."""
        ...

    def future(
        self,
        request: Request_contra,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> UnaryResponseCall[Response_co]:
        """As calling it, for the call, which is not a coroutine to type checkers: it may be kept."""
        ...


class UnaryStreamMultiCallable(Protocol[Request_contra, Response_co]):
    """A unary-stream method of a stub."""

    def __call__(
        self,
        request: Request_contra,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> UnaryStreamCall[Response_co]:
        """Start the RPC: the call to iterate over, or to `receive` from. `timeout` is in seconds."""
        ...


class StreamUnaryMultiCallable(Protocol[Request_contra, Response_co]):
    """A stream-unary method of a stub; without requests, they are sent through the call.

    With them, it is called as a unary-unary method is.
    """

    @overload
    def __call__(
        self,
        request_iterator: None = None,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> StreamUnaryCall[Request_contra, Response_co]: ...
    @overload
    def __call__(
        self,
        request_iterator: Requests[Request_contra],
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Later[Response_co]: ...
    def with_call(
        self,
        request_iterator: Requests[Request_contra],
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Later[tuple[Response_co, UnaryResponseCall[Response_co]]]:
        """As calling it, for the response and its call."""
        ...

    def future(
        self,
        request_iterator: Requests[Request_contra],
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> UnaryResponseCall[Response_co]:
        """As calling it, for the call, which is not a coroutine to type checkers: it may be kept."""
        ...


class StreamStreamMultiCallable(Protocol[Request_contra, Response_co]):
    """A stream-stream method of a stub; without requests, they are sent through the call."""

    def __call__(
        self,
        request_iterator: Requests[Request_contra] | None = None,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> StreamStreamCall[Request_contra, Response_co]:
        """Start the RPC: the call to `receive` from, and, without requests, to `send` with.

        `timeout` is in seconds.
        """
        ...


class Channel(Protocol):
    """What a stub is made with: a channel whose calls can be awaited. grpc_bridge's can, grpcio's cannot."""

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Request], bytes] | None = None,
        response_deserializer: Callable[[bytes], Response] | None = None,
        _registered_method: bool | None = False,
    ) -> UnaryUnaryMultiCallable[Request, Response]:
        """See ``grpc.Channel.unary_unary``."""
        ...

    def unary_stream(
        self,
        method: str,
        request_serializer: Callable[[Request], bytes] | None = None,
        response_deserializer: Callable[[bytes], Response] | None = None,
        _registered_method: bool | None = False,
    ) -> UnaryStreamMultiCallable[Request, Response]:
        """See ``grpc.Channel.unary_stream``."""
        ...

    def stream_unary(
        self,
        method: str,
        request_serializer: Callable[[Request], bytes] | None = None,
        response_deserializer: Callable[[bytes], Response] | None = None,
        _registered_method: bool | None = False,
    ) -> StreamUnaryMultiCallable[Request, Response]:
        """See ``grpc.Channel.stream_unary``."""
        ...

    def stream_stream(
        self,
        method: str,
        request_serializer: Callable[[Request], bytes] | None = None,
        response_deserializer: Callable[[bytes], Response] | None = None,
        _registered_method: bool | None = False,
    ) -> StreamStreamMultiCallable[Request, Response]:
        """See ``grpc.Channel.stream_stream``."""
        ...


# ---- the server --------------------------------------------------------------------------------------


class RequestIterator(Iterator[T_co], Protocol[T_co]):
    """A handler's requests: for ``for`` in a plain function, for ``async for`` in a coroutine."""

    def __aiter__(self) -> AsyncIterator[T_co]: ...
    def __anext__(self) -> Awaitable[T_co]: ...


class ServicerContext(grpc.ServicerContext, Generic[Request, Response], metaclass=abc.ABCMeta):
    """A handler's context: ``grpc.ServicerContext``, and what `send` and `receive` are given and give."""

    @abc.abstractmethod
    def receive(self) -> Later[Request]:
        """The next request; raises ``grpc_bridge.EOF`` when the client sends no more."""

    @abc.abstractmethod
    def send(self, message: Response) -> Later[None]:
        """Send a response."""

    @abc.abstractmethod
    def read(self) -> Later[Request | Any]:
        """The next request, or ``grpc.aio.EOF``."""

    @abc.abstractmethod
    def write(self, message: Response) -> Later[None]:
        """As `send`."""

    @abc.abstractmethod
    def cancelled(self) -> bool:
        """Whether the client, or the server's shutdown, has cancelled the RPC."""

    @abc.abstractmethod
    def done(self) -> bool:
        """Whether the RPC is over."""

    @abc.abstractmethod
    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call `callback` with this context when the RPC is over."""
