"""What a request iterator raises is not lost: the call ends with it as the cause, and nobody is cancelled.

The error is grpcio's (UNKNOWN, "Exception iterating requests!"), an `Exception` that `except grpc.RpcError`
catches; `__cause__` is the application's own exception; the task that waits has not been cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import Start, stub_of
from ..protos.exchange_pb2 import Reply, Request


class Broken(Exception):
    """The application's own."""


def generator(error: BaseException) -> Iterator[Request]:
    yield Request(number=1)
    raise error


async def async_generator(error: BaseException) -> AsyncIterator[Request]:
    yield Request(number=1)
    raise error


class OnlyNext:
    """An iterator as some programs write it; raises at once."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __iter__(self) -> OnlyNext:
        return self

    def __next__(self) -> Request:
        raise self.error


class OnlyAnext:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def __anext__(self) -> Request:
        raise self.error


class Sized(list[Request]):
    """A container, which is read on the loop."""

    def __init__(self, error: BaseException) -> None:
        super().__init__([Request(), Request()])
        self.error = error

    def __iter__(self) -> Iterator[Request]:
        return generator(self.error)


ITERATORS: dict[str, Callable[[BaseException], Any]] = {
    "generator": generator,
    "async generator": async_generator,
    "object with __next__": OnlyNext,
    "object with __anext__": OnlyAnext,
    "container": Sized,
}


async def all_of(call: Any) -> list[Reply]:
    return [reply async for reply in call]


async def awaited(call: Awaitable[Any]) -> Any:
    return await call


async def read_to_the_end(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


WAITS: dict[str, Callable[[Any, Any], Any]] = {
    "Collect": lambda stub, requests: awaited(stub.Collect(requests)),
    "Collect.with_call": lambda stub, requests: awaited(stub.Collect.with_call(requests)),
    "Collect.future": lambda stub, requests: awaited(stub.Collect.future(requests)),
    "Collect.future().result()": lambda stub, requests: stub.Collect.future(requests).result(),
    "Talk": lambda stub, requests: all_of(stub.Talk(requests)),
    "Talk().read()": lambda stub, requests: read_to_the_end(stub.Talk(requests)),
}


@pytest.fixture
async def stub(grpcio_server: Start) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        yield stub_of(channel)


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("kind", ITERATORS)
async def test_the_applications_exception_is_the_cause(stub: Any, kind: str, wait: str) -> None:
    broken = Broken("no more")
    task = asyncio.create_task(WAITS[wait](stub, ITERATORS[kind](broken)))
    with pytest.raises(grpc.RpcError) as caught:
        await task
    assert not task.cancelled()
    error: Any = caught.value
    assert isinstance(error, Exception)
    assert error.code() == grpc.StatusCode.UNKNOWN
    assert error.details() == "Exception iterating requests!"
    assert error.__cause__ is broken


@pytest.mark.parametrize("kind", ["async generator", "object with __anext__"])
async def test_a_cancellation_inside_the_iterator_does_not_cancel_who_waits(stub: Any, kind: str) -> None:
    """It is the iterator's affair: something that it awaited was cancelled by somebody."""
    task = asyncio.create_task(WAITS["Collect"](stub, ITERATORS[kind](asyncio.CancelledError("inside"))))
    with pytest.raises(grpc.RpcError) as caught:
        await task
    assert not task.cancelled()
    assert caught.value.code() == grpc.StatusCode.UNKNOWN


@pytest.mark.parametrize("kind", ITERATORS)
async def test_the_call_itself_tells_the_same(stub: Any, kind: str) -> None:
    broken = Broken("no more")
    call = stub.Collect.future(ITERATORS[kind](broken))
    error = await call.exception()
    assert error.__cause__ is broken
    assert not call.cancelled()
    assert await call.code() == grpc.StatusCode.UNKNOWN
    assert await call.details() == "Exception iterating requests!"


@pytest.mark.parametrize("kind", ITERATORS)
async def test_the_exception_is_logged_with_its_traceback(
    stub: Any, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(grpc.RpcError):
        await stub.Collect(ITERATORS[kind](Broken("no more")))
    logged = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [type(error) for error in logged] == [Broken]


@pytest.mark.parametrize("kind", ["generator", "object with __next__"])
def test_a_thread_sees_what_grpcio_shows(grpcio_server: Start, kind: str) -> None:
    target = grpcio_server()
    told = []
    for module in (grpc, grpc_bridge):
        with module.insecure_channel(target) as channel:
            stub = stub_of(channel)
            for ask in (
                lambda stub=stub: stub.Collect(ITERATORS[kind](Broken("no more"))),
                lambda stub=stub: list(stub.Talk(ITERATORS[kind](Broken("no more")))),
            ):
                with pytest.raises(grpc.RpcError) as caught:
                    ask()
                told.append((caught.value.code(), caught.value.details()))
    assert told == [(grpc.StatusCode.UNKNOWN, "Exception iterating requests!")] * 4
