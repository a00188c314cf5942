"""What goes wrong in a handler ends its RPC, with a status and a word in the log, in each phase and shape."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import LOOPBACK, PATIENCE, in_plain_thread

SERVICE = "test.Errors"
STATUS = grpc.StatusCode
MAKERS = {
    "unary_unary": grpc.unary_unary_rpc_method_handler,
    "unary_stream": grpc.unary_stream_rpc_method_handler,
    "stream_unary": grpc.stream_unary_rpc_method_handler,
    "stream_stream": grpc.stream_stream_rpc_method_handler,
}


@pytest.fixture(params=["from sync code", "in a coroutine"])
async def ask(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """Serves one handler of bytes, calls it, and gives code and details."""
    servers: list[Any] = []

    def serve(kind: str, behavior: Any, deserializer: Any, serializer: Any) -> int:
        server = grpc_bridge.server(futures.ThreadPoolExecutor(2))
        handler = MAKERS[kind](behavior, deserializer, serializer)
        server.add_registered_method_handlers(SERVICE, {"Method": handler})
        port: int = server.add_insecure_port(LOOPBACK)
        server.start()
        servers.append(server)
        return port

    async def call(
        behavior: Any, kind: str = "unary_unary", deserializer: Any = None, serializer: Any = None
    ) -> tuple[Any, str]:
        arguments = (kind, behavior, deserializer, serializer)
        port = in_plain_thread(serve, *arguments) if request.param == "from sync code" else serve(*arguments)
        async with grpc_bridge.insecure_channel(f"127.0.0.1:{port}") as channel:
            method = getattr(channel, kind)(f"/{SERVICE}/Method")
            started = method([b"a", b"b"] if kind.startswith("stream") else b"a", timeout=PATIENCE)
            try:
                if kind.endswith("unary"):
                    await started
                else:
                    async for _ in started:
                        pass
            except grpc.RpcError as error:
                return error.code(), error.details()
            return STATUS.OK, await started.details()

    yield call
    for server in servers:
        await asyncio.wait_for(server.stop(None), PATIENCE)


# ---- handlers of the wrong shape ---------------------------------------------------------------------


def no_arguments() -> bytes:
    return b""


def many_arguments(a: Any, b: Any, c: Any) -> bytes:  # noqa: ARG001
    return b""


def plain(request: Any, context: Any) -> bytes:  # noqa: ARG001
    return b"one"


async def coroutine(request: Any, context: Any) -> bytes:  # noqa: ARG001
    return b"one"


def generator(request: Any, context: Any) -> Iterator[bytes]:  # noqa: ARG001
    yield b"one"


async def async_generator(request: Any, context: Any) -> AsyncIterator[bytes]:  # noqa: ARG001
    yield b"one"


def number(request: Any, context: Any) -> Any:  # noqa: ARG001
    return 5


async def async_number(request: Any, context: Any) -> Any:  # noqa: ARG001
    return 5


CALLING = "Exception calling application: "
ITERATING = "Exception iterating responses: "
SERIALIZING = "Failed to serialize response!"

WRONG: list[tuple[str, Any, Any, str]] = [
    ("unary_unary", None, STATUS.UNKNOWN, CALLING + "'NoneType' object is not callable"),
    ("unary_stream", None, STATUS.UNKNOWN, CALLING + "'NoneType' object is not callable"),
    ("unary_unary", "a string", STATUS.UNKNOWN, CALLING + "'str' object is not callable"),
    ("unary_unary", no_arguments, STATUS.UNKNOWN, CALLING),
    ("stream_stream", no_arguments, STATUS.UNKNOWN, CALLING),
    ("stream_unary", many_arguments, STATUS.UNKNOWN, CALLING),
    ("unary_unary", generator, STATUS.INTERNAL, SERIALIZING),
    ("unary_unary", async_generator, STATUS.INTERNAL, SERIALIZING),
    ("stream_unary", async_generator, STATUS.INTERNAL, SERIALIZING),
    ("unary_unary", number, STATUS.INTERNAL, SERIALIZING),
    ("unary_unary", async_number, STATUS.INTERNAL, SERIALIZING),
    ("unary_stream", number, STATUS.UNKNOWN, ITERATING + "'int' object is not iterable"),
    ("unary_stream", async_number, STATUS.UNKNOWN, ITERATING + "'int' object is not iterable"),
    ("stream_stream", number, STATUS.UNKNOWN, ITERATING + "'int' object is not iterable"),
    # A stream of numbers, which is what bytes are.
    ("unary_stream", plain, STATUS.INTERNAL, SERIALIZING),
    ("unary_stream", coroutine, STATUS.INTERNAL, SERIALIZING),
    ("unary_unary", lambda _request, _context: None, STATUS.INTERNAL, SERIALIZING),
    ("unary_stream", lambda _request, _context: None, STATUS.UNKNOWN, ITERATING),
    ("unary_stream", lambda _request, _context: [b"a", None], STATUS.INTERNAL, SERIALIZING),
]


@pytest.mark.parametrize(("kind", "behavior", "code", "details"), WRONG)
async def test_a_handler_of_the_wrong_shape_is_told_to_client_and_log(
    ask: Any, kind: str, behavior: Any, code: Any, details: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen_code, seen_details = await ask(behavior, kind)
    assert seen_code is code
    assert seen_details.startswith(details)
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info is not None


# ---- serializers -------------------------------------------------------------------------------------


def raises(_: Any) -> Any:
    raise ValueError("cannot")


@pytest.mark.parametrize("behavior", [plain, coroutine, generator, async_generator])
@pytest.mark.parametrize("requests", ["unary", "stream"])
@pytest.mark.parametrize(
    ("deserializer", "serializer"),
    [
        (raises, None),
        (lambda _: None, None),
        (None, raises),
        (None, lambda _: None),
        (None, lambda _: "text"),
    ],
    ids=["deserializer raises", "deserializes to None", "serializer raises", "serializes to None", "to str"],
)
async def test_what_serializers_do_wrong(
    ask: Any, behavior: Any, requests: str, deserializer: Any, serializer: Any
) -> None:
    responses = "stream" if "generator" in behavior.__name__ else "unary"
    if deserializer is not None and requests == "stream":
        behavior = reading(behavior)
    code, details = await ask(behavior, f"{requests}_{responses}", deserializer, serializer)
    wrong = "Exception deserializing request!" if deserializer is not None else SERIALIZING
    assert (code, details) == (STATUS.INTERNAL, wrong)


def reading(behavior: Callable[..., Any]) -> Callable[..., Any]:
    """The same handler, after it has taken a request."""

    def read(requests: Any, context: Any) -> Any:
        next(requests, None)
        return plain(requests, context)

    async def read_async(requests: Any, context: Any) -> Any:
        await anext(requests, None)
        return await coroutine(requests, context)

    def read_generator(requests: Any, context: Any) -> Any:
        next(requests, None)
        yield from generator(requests, context)

    async def read_async_generator(requests: Any, context: Any) -> Any:
        await anext(requests, None)
        async for response in async_generator(requests, context):
            yield response

    return {
        plain: read,
        coroutine: read_async,
        generator: read_generator,
        async_generator: read_async_generator,
    }[behavior]


# ---- what a handler sets, and raises -----------------------------------------------------------------


def both(check: Callable[[Any], Any]) -> list[Any]:
    """The same handler as function and coroutine, generator and async generator."""

    def function(request: Any, context: Any) -> bytes:  # noqa: ARG001
        check(context)
        return b""

    async def coroutine_function(request: Any, context: Any) -> bytes:  # noqa: ARG001
        check(context)
        return b""

    def sync_generator(request: Any, context: Any) -> Iterator[bytes]:  # noqa: ARG001
        yield b""
        check(context)

    async def asynchronous_generator(request: Any, context: Any) -> AsyncIterator[bytes]:  # noqa: ARG001
        yield b""
        check(context)

    return [
        ("unary_unary", function),
        ("unary_unary", coroutine_function),
        ("unary_stream", sync_generator),
        ("unary_stream", asynchronous_generator),
    ]


def rpc_error_after_set_code(context: Any) -> None:
    context.set_code(STATUS.FAILED_PRECONDITION)
    raise grpc.RpcError("not now")


def rpc_error_after_set_code_and_details(context: Any) -> None:
    context.set_code(STATUS.FAILED_PRECONDITION)
    context.set_details("do that first")
    raise grpc.RpcError("not now")


def bare_rpc_error(_: Any) -> None:
    raise grpc.RpcError


def value_error(_: Any) -> None:
    raise ValueError("100% wrong: {}")


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def unprintable(_: Any) -> None:
    raise Unprintable


def surrogate(_: Any) -> None:
    raise ValueError("\udc80")


def stop_iteration_by_hand(_: Any) -> None:
    raise LookupError("'nothing'")


def not_a_status(context: Any) -> None:
    context.set_code(77)


def bad_details(context: Any) -> None:
    context.set_details(5)


def trailers_of_numbers(context: Any) -> None:
    context.set_trailing_metadata((("key", 5),))


def trailers_that_are_none(context: Any) -> None:
    context.set_trailing_metadata(5)


ENDINGS: list[tuple[Any, Any, str]] = [
    (rpc_error_after_set_code, STATUS.FAILED_PRECONDITION, "not now"),
    (rpc_error_after_set_code_and_details, STATUS.FAILED_PRECONDITION, "do that first"),
    (bare_rpc_error, STATUS.UNKNOWN, "Exception"),
    (value_error, STATUS.UNKNOWN, "100% wrong: {}"),
    (unprintable, STATUS.UNKNOWN, "Calling application raised unprintable Exception!"),
    (stop_iteration_by_hand, STATUS.UNKNOWN, "'nothing'"),
    (not_a_status, STATUS.UNKNOWN, ""),
    (bad_details, STATUS.UNKNOWN, "'int' object has no attribute 'encode'"),
    (trailers_of_numbers, STATUS.INTERNAL, "The status could not be sent!"),
    (trailers_that_are_none, STATUS.UNKNOWN, "'int' object is not iterable"),
]


@pytest.mark.parametrize(
    ("check", "code", "details"), ENDINGS, ids=lambda value: getattr(value, "__name__", "")
)
async def test_how_a_handler_may_end_badly(ask: Any, check: Any, code: Any, details: str) -> None:
    for kind, behavior in both(check):
        seen_code, seen_details = await ask(behavior, kind)
        assert (seen_code, details in seen_details) == (code, True), (kind, behavior, seen_details)


# What cannot be a header, and how it is spelt in the log.
ILLEGAL: dict[str, tuple[tuple[str, Any], str]] = {
    "a key in upper case": (("Key", "x"), "'Key'"),
    "a key with a blank": (("not a key", "x"), "'not a key'"),
    "no key": (("", "x"), "''"),
    "a key of HTTP/2's own": ((":status", "x"), "':status'"),
    "a value with a line's end": (("key", "x\ny"), "'x\\ny'"),
    "a value beyond ASCII": (("key", "é"), "'é'"),
    "bytes beyond ASCII": (("key", b"\xff"), "b'\\xff'"),
}


@pytest.mark.parametrize("where", ["set_trailing_metadata", "send_initial_metadata", "abort"])
@pytest.mark.parametrize("illegal", ILLEGAL)
async def test_metadata_that_cannot_be_sent_is_told_to_both_ends(
    ask: Any, where: str, illegal: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As on the newest grpcio, on every one: the older ones' servers leave their clients waiting."""
    pair, spelt = ILLEGAL[illegal]

    def say(context: Any) -> None:
        metadata = (("fine", "x"), ("fine-bin", b"\xff\n"), pair)
        if where == "abort":
            context.abort(STATUS.NOT_FOUND, "nothing", metadata)
        getattr(context, where)(metadata)

    for kind, behavior in both(say):
        if where == "send_initial_metadata" and kind == "unary_stream":
            continue  # these have sent a response by then
        caplog.clear()
        assert await ask(behavior, kind) == (STATUS.INTERNAL, "Invalid metadata"), (kind, behavior)
        assert f"/{SERVICE}/Method: Invalid metadata: " in caplog.text
        assert spelt in caplog.text


async def test_a_text_that_utf_8_cannot_spell(ask: Any) -> None:
    # Nor can pytest-xdist, by which a captured log would go.
    logging.disable()
    try:
        for kind, behavior in both(surrogate):
            code, details = await ask(behavior, kind)
            assert (code, details.endswith("\\udc80")) == (STATUS.UNKNOWN, True)
    finally:
        logging.disable(logging.NOTSET)


async def test_bad_initial_metadata_is_an_error_at_the_call(ask: Any) -> None:
    def send(context: Any) -> None:
        with pytest.raises(TypeError):
            context.send_initial_metadata((("key", 5),))
        # Nothing has been sent.
        context.send_initial_metadata((("key", "x"),))

    for kind, behavior in both(send):
        if kind == "unary_unary":
            assert (await ask(behavior, kind))[0] is STATUS.OK


def system_exit(request: Any, context: Any) -> bytes:  # noqa: ARG001
    raise SystemExit(3)


def cancelled_error(request: Any, context: Any) -> bytes:  # noqa: ARG001
    raise asyncio.CancelledError


def exiting_generator(request: Any, context: Any) -> Iterator[bytes]:  # noqa: ARG001
    yield b""
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("kind", "behavior", "name"),
    [
        ("unary_unary", system_exit, "SystemExit"),
        ("unary_unary", cancelled_error, "CancelledError"),
        ("unary_stream", exiting_generator, "SystemExit"),
    ],
)
async def test_a_function_that_ends_with_no_common_exception(
    ask: Any, kind: str, behavior: Any, name: str
) -> None:
    assert await ask(behavior, kind) == (STATUS.UNKNOWN, f"the handler was ended by {name}")


async def test_a_coroutine_that_cancels_itself(ask: Any) -> None:
    async def cancels(request: Any, context: Any) -> bytes:  # noqa: ARG001
        raise asyncio.CancelledError

    assert (await ask(cancels))[0] is STATUS.CANCELLED


async def test_errors_after_the_client_has_gone_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """But for those that come of its going."""
    over = threading.Event()
    entered = threading.Event()

    def behavior(request: Any, context: Any) -> bytes:
        context.add_callback(over.set)
        entered.set()
        over.wait(PATIENCE)
        if request == b"own":
            raise ValueError("of its own")
        raise grpc.RpcError

    server = grpc_bridge.server()
    server.add_registered_method_handlers(SERVICE, {"Method": grpc.unary_unary_rpc_method_handler(behavior)})
    port = server.add_insecure_port(LOOPBACK)
    server.start()
    async with grpc_bridge.insecure_channel(f"127.0.0.1:{port}") as channel:
        for request in (b"going", b"own"):
            entered.clear()
            over.clear()
            call = channel.unary_unary(f"/{SERVICE}/Method").future(request)
            assert await asyncio.to_thread(entered.wait, PATIENCE)
            call.cancel()
            assert await asyncio.to_thread(over.wait, PATIENCE)
    await server.stop(None)
    await asyncio.to_thread(server._serving.pool.shutdown)
    assert [record.message for record in caplog.records] == ["Exception calling application: of its own"]
