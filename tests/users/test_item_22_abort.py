"""`abort` and `abort_with_status` never return, awaited or not, in handlers of either colour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import AsyncEcho, Servicer, Start, serving_here, stub_of
from ..protos.exchange_pb2 import Reply, Request

TRAILERS = (("why", "because"), ("why-bin", b"\x00\x01"))
NOT_FOUND = grpc.StatusCode.NOT_FOUND


class _Status(grpc.Status):
    code, details, trailing_metadata = NOT_FOUND, "not here", TRAILERS


class _BareStatus(grpc.Status):
    code, details, trailing_metadata = NOT_FOUND, "not here", None


def positional(context: Any) -> Any:
    return context.abort(NOT_FOUND, "not here", TRAILERS)


def by_name(context: Any) -> Any:
    return context.abort(code=NOT_FOUND, details="not here", trailing_metadata=TRAILERS)


def with_status(context: Any) -> Any:
    return context.abort_with_status(_Status())


def after_set_trailing_metadata(context: Any) -> Any:
    context.set_trailing_metadata(TRAILERS)
    return context.abort(NOT_FOUND, "not here")


WAYS: list[Callable[[Any], Any]] = [positional, by_name, with_status, after_set_trailing_metadata]


class Aborts(Servicer):
    """Aborts at once, or after a response."""

    def __init__(self, way: Callable[[Any], Any]) -> None:
        self.way = way
        self.went_on: list[str] = []

    def Ask(self, request, context):
        self.way(context)
        self.went_on.append("Ask")
        return Reply()

    def Watch(self, request, context):
        for number in range(request.number):
            yield Reply(number=number)
        self.way(context)
        self.went_on.append("Watch")
        yield Reply()

    def Collect(self, request_iterator, context):
        next(request_iterator)
        self.way(context)
        self.went_on.append("Collect")
        return Reply()

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            yield Reply(number=request.number)
            self.way(context)
            self.went_on.append("Talk")


class AbortsInCoroutines(Aborts):
    """The same, with nothing awaited: the commonest slip of a migration."""

    async def Ask(self, request, context):
        self.way(context)
        self.went_on.append("Ask")
        return Reply()

    async def Watch(self, request, context):
        for number in range(request.number):
            yield Reply(number=number)
        self.way(context)
        self.went_on.append("Watch")
        yield Reply()

    async def Collect(self, request_iterator, context):
        await anext(aiter(request_iterator))
        self.way(context)
        self.went_on.append("Collect")
        return Reply()

    async def Talk(self, request_iterator, context):
        async for request in request_iterator:
            yield Reply(number=request.number)
            self.way(context)
            self.went_on.append("Talk")


class AbortsAwaited(AbortsInCoroutines):
    async def Ask(self, request, context):
        await self.way(context)
        self.went_on.append("Ask")
        return Reply()

    async def Watch(self, request, context):
        for number in range(request.number):
            await context.write(Reply(number=number))
        await self.way(context)
        self.went_on.append("Watch")


SERVICERS = [Aborts, AbortsInCoroutines, AbortsAwaited]


@pytest.fixture(params=["from sync code", "in a coroutine"])
async def channel_to(request: pytest.FixtureRequest, bridge_server: Start) -> AsyncIterator[Any]:
    async with _Servers(bridge_server if request.param == "from sync code" else None) as servers:
        yield servers.channel_to


class _Servers:
    """Starts servers, here or from sync code, and makes channels to them."""

    def __init__(self, start: Start | None) -> None:
        self._start = start
        self._opened: list[Any] = []

    async def __aenter__(self) -> _Servers:
        return self

    async def channel_to(self, servicer: Any) -> Any:
        if self._start is not None:
            target = self._start(servicer)
        else:
            self._opened.append(serving_here(servicer))
            target = await self._opened[-1].__aenter__()
        self._opened.append(grpc_bridge.insecure_channel(target))
        return await self._opened[-1].__aenter__()

    async def __aexit__(self, *exc: object) -> None:
        for opened in reversed(self._opened):
            await opened.__aexit__(None, None, None)


async def answers(call: Any) -> list[Any]:
    return [reply.number async for reply in call]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("servicer_class", SERVICERS)
async def test_abort_ends_the_handler_and_the_rpc(channel_to: Any, servicer_class: Any, way: Any) -> None:
    servicer = servicer_class(way)
    stub = stub_of(await channel_to(servicer))
    requests = [Request(number=7)] * 3
    calls = [
        stub.Ask.future(Request()),
        stub.Collect.future(requests),
        stub.Watch(Request(number=2)),
        stub.Watch(Request(number=0)),
        stub.Talk(requests),
    ]
    for call, replies in zip(calls, [None, None, [0, 1], [], [7]], strict=True):
        if replies is not None:
            heard = [(await call.read()).number for _ in replies]
            assert heard == replies
        with pytest.raises(grpc.RpcError) as caught:
            await (call if replies is None else call.read())
        error = caught.value
        assert (error.code(), error.details()) == (NOT_FOUND, "not here")
        assert set(TRAILERS) <= set(error.trailing_metadata())
    assert servicer.went_on == []


async def test_a_status_without_trailing_metadata(channel_to: Any) -> None:
    stub = stub_of(await channel_to(Aborts(lambda context: context.abort_with_status(_BareStatus()))))
    with pytest.raises(grpc.RpcError) as caught:
        await stub.Ask(Request())
    assert (caught.value.code(), caught.value.details()) == (NOT_FOUND, "not here")


async def test_abort_with_ok_is_unknown(channel_to: Any, caplog: pytest.LogCaptureFixture) -> None:
    stub = stub_of(await channel_to(Aborts(lambda context: context.abort(grpc.StatusCode.OK, "fine"))))
    with pytest.raises(grpc.RpcError) as caught:
        await stub.Ask(Request())
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.UNKNOWN, "")
    assert "abort() called with StatusCode.OK" in caplog.text


async def test_abort_logs_nothing(channel_to: Any, caplog: pytest.LogCaptureFixture) -> None:
    for servicer_class in SERVICERS:
        stub = stub_of(await channel_to(servicer_class(positional)))
        with pytest.raises(grpc.RpcError):
            await stub.Ask(Request())
        with pytest.raises(grpc.RpcError):
            await answers(stub.Watch(Request(number=1)))
    assert caplog.text == ""


# ---- what people do around it ------------------------------------------------------------------------


class Suppresses(Servicer):
    """Catches what `abort` raises, as `except Exception` around a handler's body does."""

    def Ask(self, request, context):
        try:
            context.abort(NOT_FOUND, "not here")
        except Exception:
            return Reply(text="not seen")

    async def Collect(self, request_iterator, context):
        try:
            context.abort(NOT_FOUND, "not here")
        except Exception:
            return Reply(text="not seen")


class AbortsElsewhere(Servicer):
    """Aborts in a task of its own, and in `finally`."""

    async def Ask(self, request, context):
        async def check() -> None:
            await context.abort(NOT_FOUND, "not here")

        await asyncio.gather(check())
        return Reply()

    def Collect(self, request_iterator, context):
        try:
            raise ValueError("this is not the last word")
        finally:
            context.abort(NOT_FOUND, "not here")


@pytest.mark.parametrize("servicer", [Suppresses(), AbortsElsewhere()], ids=["suppressed", "elsewhere"])
async def test_abort_has_the_last_word(channel_to: Any, servicer: Any) -> None:
    stub = stub_of(await channel_to(servicer))
    for call in (stub.Ask.future(Request()), stub.Collect.future([])):
        with pytest.raises(grpc.RpcError) as caught:
            await call
        assert (caught.value.code(), caught.value.details()) == (NOT_FOUND, "not here")


async def test_abort_in_an_awaited_server_of_grpc_aio_s_kind() -> None:
    """What `abort` raises there is what code written for grpc.aio catches."""
    caught: list[BaseException] = []

    class Catches(AsyncEcho):
        async def Ask(self, request, context):
            try:
                await context.abort(NOT_FOUND, "not here")
            except grpc.aio.AbortError as error:
                caught.append(error)
                raise

    async with serving_here(Catches()) as target, grpc_bridge.insecure_channel(target) as channel:
        with pytest.raises(grpc.RpcError):
            await stub_of(channel).Ask(Request())
    assert len(caught) == 1
