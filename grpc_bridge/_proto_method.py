"""The methods of a .proto file that was compiled at run time: called with a target, or with a channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from grpc_bridge import _pool
from grpc_bridge._border import Done, running_loop
from grpc_bridge._target import is_local


class StreamStarted(Done[Any]):
    """A call to send through or to receive from. Awaited, the call itself; it may also be used as it is."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.value, name)

    def __aiter__(self) -> Any:
        return self.value.__aiter__()

    def __anext__(self) -> Any:
        return self.value.__anext__()

    def __aenter__(self) -> Any:
        return self.value.__aenter__()

    def __aexit__(self, *error: Any) -> Any:
        return self.value.__aexit__(*error)

    def __repr__(self) -> str:
        return repr(self.value)


class Method:
    """A method of a service. Call it with a target and a request."""

    def __init__(self, descriptor: MethodDescriptor) -> None:
        self.DESCRIPTOR = descriptor
        self.__name__ = descriptor.name
        self.__qualname__ = descriptor.full_name
        self._path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
        self._request = message_factory.GetMessageClass(descriptor.input_type)
        self._response = message_factory.GetMessageClass(descriptor.output_type)
        self._streams = descriptor.client_streaming, descriptor.server_streaming
        self._arity = "_".join("stream" if streams else "unary" for streams in self._streams)

    def __repr__(self) -> str:
        sent, got = (
            f"{'stream ' if streams else ''}{message.full_name}"
            for streams, message in zip(
                self._streams, (self.DESCRIPTOR.input_type, self.DESCRIPTOR.output_type), strict=True
            )
        )
        return f"<method {self.DESCRIPTOR.full_name}({sent}) -> {got}>"

    def __call__(
        self,
        target: Any,
        request: Any = None,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.ChannelCredentials | None = None,
        insecure: bool | None = None,
        options: Sequence[tuple[str, Any]] = (),
        call_credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """Call the method: as the method of a stub, which blocks in a thread and is awaited in a coroutine.

        `target` is an address, or a channel to use. Calls to one address with the same `credentials` and
        channel `options` share a channel. Without `credentials`, a loopback address or a unix socket is
        spoken to in plaintext and any other with TLS; `insecure` decides it either way.
        `request` is a message, or where the method takes a stream an iterable of messages of either kind. A
        stream may be left out: what is awaited is then the call, to `send` and `receive` with.
        `timeout` is in seconds.

        Raises ``TypeError`` for a request or target of the wrong type, ``ValueError`` for arguments that
        contradict each other, and a ``grpc.RpcError`` where the RPC fails.
        """
        call = self._start(
            "__call__",
            target,
            request,
            timeout=timeout,
            metadata=metadata,
            credentials=credentials,
            insecure=insecure,
            options=options,
            call_credentials=call_credentials,
            wait_for_ready=wait_for_ready,
            compression=compression,
        )
        to_use = self._streams[1] or (self._streams[0] and request is None)
        return StreamStarted(call) if to_use and running_loop() is not None else call

    def _start(
        self,
        how: str,
        target: Any,
        request: Any,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        insecure: bool | None = None,
        options: Sequence[tuple[str, Any]] = (),
        call_credentials: grpc.CallCredentials | None = None,
        **arguments: Any,
    ) -> Any:
        request = self._checked(request)
        multi_callable = self._multi_callable(target, credentials, insecure, options)
        return getattr(multi_callable, how)(request, credentials=call_credentials, **arguments)

    # ---- the channel ------------------------------------------------------------------------------

    def _multi_callable(
        self,
        target: Any,
        credentials: grpc.ChannelCredentials | None,
        insecure: bool | None,
        options: Sequence[tuple[str, Any]],
    ) -> Any:
        if isinstance(target, str):
            return self.multi_callable(_channel(target, credentials, insecure, options))
        if not hasattr(target, self._arity):
            raise TypeError(
                f"{self.DESCRIPTOR.full_name} is called with a target, a str such as 'localhost:50051', "
                f"or with a channel, not with {_kind(target)}"
            )
        if credentials is not None or insecure is not None or options:
            raise ValueError("a channel has its credentials and options already")
        return self.multi_callable(target)

    def multi_callable(self, channel: Any) -> Any:
        """The method as a stub of the channel has it."""
        return getattr(channel, self._arity)(
            self._path,
            request_serializer=self._serialize,
            response_deserializer=self._response.FromString,
            _registered_method=True,
        )

    def handler(self, function: Any) -> Any:
        """The method as a server is told of it, served by the function."""
        return getattr(grpc, f"{self._arity}_rpc_method_handler")(
            function,
            request_deserializer=self._request.FromString,
            response_serializer=self._response.SerializeToString,
        )

    # ---- the request ------------------------------------------------------------------------------

    def _serialize(self, message: Any) -> bytes:
        self._check(message)
        serialized: bytes = message.SerializeToString()
        return serialized

    def _check(self, message: Any) -> None:
        """Raise ``TypeError`` unless it is a message of the method's: of its class, or of its name.

        Generated code may have been loaded from another file; what is sent is the same.
        """
        expected = self._request
        if isinstance(message, expected):
            return
        if isinstance(message, Message) and message.DESCRIPTOR.full_name == expected.DESCRIPTOR.full_name:
            return
        name = expected.DESCRIPTOR.full_name
        raise TypeError(f"{self.DESCRIPTOR.full_name} takes {_a(name)} message, not {_kind(message)}")

    def _checked(self, request: Any) -> Any:
        """The request, or the iterator of requests, as a stub takes it here."""
        if not self._streams[0]:
            self._check(request)
            return request
        if request is None:
            return None
        blocks = running_loop() is None
        iterable = any(hasattr(request, name) for name in (_SYNC if blocks else (*_SYNC, *_ASYNC)))
        if isinstance(request, (Message, Mapping, str, bytes)) or not iterable:
            name = self._request.DESCRIPTOR.full_name
            raise TypeError(
                f"{self.DESCRIPTOR.full_name} takes a stream of {name} messages: an iterable of them"
                f"{'' if blocks else ' or an async one'}, not {_kind(request)}"
            )
        if isinstance(request, (list, tuple)):
            for message in request:
                self._check(message)
        return iter(request) if blocks and hasattr(request, "__iter__") else request


class UnaryResponseMethod(Method):
    """A method with one response, which may be had with its call, or as a future."""

    def with_call(self, target: Any, request: Any, **arguments: Any) -> Any:
        """As calling it, with the same arguments, for the response and its call."""
        return self._start("with_call", target, request, **arguments)

    def future(self, target: Any, request: Any, **arguments: Any) -> Any:
        """As calling it, with the same arguments, for the call: a ``grpc.Future``, and awaitable."""
        return self._start("future", target, request, **arguments)


def method_of(descriptor: MethodDescriptor) -> Method:
    """What to call a method with."""
    return (Method if descriptor.server_streaming else UnaryResponseMethod)(descriptor)


_SYNC = "__iter__", "__next__"
_ASYNC = "__aiter__", "__anext__"


def _channel(
    target: str,
    credentials: grpc.ChannelCredentials | None,
    insecure: bool | None,
    options: Sequence[tuple[str, Any]],
) -> grpc.Channel:
    if not target:
        raise ValueError("the target is empty")
    if credentials is None:
        if not (is_local(target) if insecure is None else insecure):
            credentials = _pool.default_credentials()
    elif not isinstance(credentials, grpc.ChannelCredentials):
        raise TypeError(f"credentials are grpc.ChannelCredentials, not {_kind(credentials)}")
    elif insecure:
        raise ValueError("insecure=True asks for plaintext and credentials for security: give one of them")
    return _pool.shared.channel(target, credentials, options)


def _kind(given: Any) -> str:
    if isinstance(given, Message):
        return f"{_a(given.DESCRIPTOR.full_name)} message"
    return "None" if given is None else _a(type(given).__qualname__)


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
