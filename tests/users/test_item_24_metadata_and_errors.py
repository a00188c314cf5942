"""Metadata is taken in every form that people have it in, and comes back in one that serves them all.

In: a tuple, a list, a mapping, `grpc.aio.Metadata`, wherever metadata is an argument. Back: pairs with
`.key` and `.value`, and `metadata["key"]`. The error of an RPC is a `grpc.Call`, keeps the sync details, and
pickles.
"""

from __future__ import annotations

import asyncio
import collections
import copy
import pickle
import types
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Echo, Servicer, Start, in_plain_thread, stub_of
from ..protos.exchange_pb2 import Reply, Request

PAIRS = (("first", "1"), ("second-bin", b"\x00\xff"), ("third", "3"))


class ReadOnlyMapping(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, pairs: Any) -> None:
        self._pairs = dict(pairs)

    def __getitem__(self, key: str) -> Any:
        return self._pairs[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)


Pair = collections.namedtuple("Pair", ["key", "value"])  # noqa: PYI024 - grpcio's own pairs are untyped, too

FORMS: dict[str, Callable[[], Any]] = {
    "tuple": lambda: PAIRS,
    "list": lambda: list(PAIRS),
    "list of lists": lambda: [list(pair) for pair in PAIRS],
    "pairs with names": lambda: tuple(Pair(*pair) for pair in PAIRS),
    "generator": lambda: (pair for pair in PAIRS),
    "dict": lambda: dict(PAIRS),
    "mapping proxy": lambda: types.MappingProxyType(dict(PAIRS)),
    "mapping": lambda: ReadOnlyMapping(PAIRS),
    "dict items": lambda: dict(PAIRS).items(),
    "grpc.aio.Metadata": lambda: grpc.aio.Metadata(*PAIRS),
}


class Returning(Echo):
    """Sends the client's metadata back, before the response and after it."""

    def __init__(self) -> None:
        self.seen: Any = None
        self.form: Callable[[Any], Any] = tuple

    def _return(self, context: Any) -> None:
        self.seen = context.invocation_metadata()
        pairs = [(key, value) for key, value in self.seen if (key, value) in PAIRS]
        context.send_initial_metadata(self.form(pairs))
        context.set_trailing_metadata(self.form(pairs))

    def Ask(self, request, context):
        self._return(context)
        if request.text:
            context.abort(grpc.StatusCode.NOT_FOUND, request.text)
        return Reply()

    def Watch(self, request, context):
        self._return(context)
        yield Reply()

    def Collect(self, request_iterator, context):
        self._return(context)
        return Reply()

    def Talk(self, request_iterator, context):
        self._return(context)
        yield Reply()


@pytest.fixture(params=["grpcio_server", "bridge_server"])
def start(request: pytest.FixtureRequest) -> Start:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


@pytest.fixture
async def stub(start: Start) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(start(Returning())) as channel:
        yield stub_of(channel)


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "Ask": lambda stub, metadata: stub.Ask(Request(), metadata=metadata),
    "Ask.future": lambda stub, metadata: stub.Ask.future(Request(), metadata=metadata),
    "Watch": lambda stub, metadata: stub.Watch(Request(), metadata=metadata),
    "Collect": lambda stub, metadata: stub.Collect([], metadata=metadata),
    "Talk": lambda stub, metadata: stub.Talk([], metadata=metadata),
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("form", FORMS)
async def test_a_coroutine_sends_metadata_of_any_form(stub: Any, form: str, method: str) -> None:
    call = CALLS[method](stub, FORMS[form]())
    for metadata in (await call.initial_metadata(), await call.trailing_metadata()):
        assert [pair for pair in metadata if pair in PAIRS] == list(PAIRS)


async def test_no_initial_metadata_is_lost(stub: Any) -> None:
    for _ in range(20):
        calls = [stub.Collect([], metadata=PAIRS) for _ in range(50)]
        for call in calls:
            await call
        headers = [await call.initial_metadata() for call in calls]
        assert [set(PAIRS) <= set(metadata) for metadata in headers] == [True] * len(calls)


@pytest.mark.parametrize("form", FORMS)
async def test_with_call_takes_metadata_of_any_form(stub: Any, form: str) -> None:
    _, call = await stub.Ask.with_call(Request(), metadata=FORMS[form]())
    assert tuple(await call.trailing_metadata()) == PAIRS
    _, call = await stub.Collect.with_call([], metadata=FORMS[form]())
    assert tuple(await call.trailing_metadata()) == PAIRS


@pytest.mark.parametrize("form", FORMS)
def test_a_thread_sends_metadata_of_any_form(start: Start, form: str) -> None:
    with grpc_bridge.insecure_channel(start(Returning())) as channel:
        stub = stub_of(channel)
        _, call = stub.Ask.with_call(Request(), metadata=FORMS[form]())
        assert tuple(call.trailing_metadata()) == PAIRS
        call = stub.Ask.future(Request(), metadata=FORMS[form]())
        call.result(PATIENCE)
        assert tuple(call.trailing_metadata()) == PAIRS
        _, call = stub.Collect.with_call(iter([]), metadata=FORMS[form]())
        assert tuple(call.trailing_metadata()) == PAIRS
        for call in (
            stub.Watch(Request(), metadata=FORMS[form]()),
            stub.Talk(iter([]), metadata=FORMS[form]()),
        ):
            assert list(call) == [Reply()]
            assert tuple(call.trailing_metadata()) == PAIRS


OF_PAIRS: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "list": list,
    "dict": dict,
    "mapping": ReadOnlyMapping,
    "grpc.aio.Metadata": lambda pairs: grpc.aio.Metadata(*pairs),
}


class AsyncReturning(AsyncEcho):
    def __init__(self) -> None:
        self.seen: Any = None
        self.form: Callable[[Any], Any] = tuple

    async def Ask(self, request, context):
        self.seen = context.invocation_metadata()
        await context.send_initial_metadata(self.form(PAIRS))
        if request.text:
            await context.abort(grpc.StatusCode.NOT_FOUND, request.text, self.form(PAIRS))
        context.set_trailing_metadata(self.form(PAIRS))
        return Reply()


@pytest.mark.parametrize("form", OF_PAIRS)
@pytest.mark.parametrize("colour", [Returning, AsyncReturning])
async def test_a_handler_sends_metadata_of_any_form(
    bridge_server: Start, colour: type[Any], form: str
) -> None:
    servicer = colour()
    servicer.form = OF_PAIRS[form]
    async with grpc_bridge.insecure_channel(bridge_server(servicer)) as channel:
        stub = stub_of(channel)
        _, call = await stub.Ask.with_call(Request(), metadata=PAIRS)
        assert set(PAIRS) <= set(await call.initial_metadata())
        assert tuple(await call.trailing_metadata()) == PAIRS
        with pytest.raises(grpc.RpcError) as caught:
            await stub.Ask(Request(text="no such thing"), metadata=PAIRS)
        error: Any = caught.value
        assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "no such thing")
        assert tuple(error.trailing_metadata()) == PAIRS


# ---- what comes back ---------------------------------------------------------------------------------


def check(metadata: Any) -> None:
    """Read it as people who come from `grpc` do, and as people who come from `grpc.aio` do."""
    assert [(key, value) for key, value in metadata if key != "user-agent"] == list(PAIRS)
    assert [(pair.key, pair.value) for pair in metadata if pair.key != "user-agent"] == list(PAIRS)
    assert isinstance(metadata, tuple)
    assert (metadata[0].key, metadata[0].value) == metadata[0]
    assert dict(metadata)["third"] == "3"
    assert metadata["first"] == "1"
    assert metadata["second-bin"] == b"\x00\xff"
    assert "third" in metadata
    assert ("third", "3") in metadata
    assert "fourth" not in metadata
    assert metadata.get("fourth") is None
    assert metadata.get_all("first") == ["1"]
    with pytest.raises(KeyError):
        metadata["fourth"]


@pytest.mark.parametrize("method", CALLS)
async def test_what_comes_back_serves_both_worlds(stub: Any, method: str) -> None:
    call = CALLS[method](stub, PAIRS)
    check(await call.initial_metadata())
    check(await call.trailing_metadata())


@pytest.mark.parametrize("colour", [Returning, AsyncReturning])
async def test_what_a_handler_is_given_serves_both_worlds(bridge_server: Start, colour: type[Any]) -> None:
    servicer = colour()
    async with grpc_bridge.insecure_channel(bridge_server(servicer)) as channel:
        await stub_of(channel).Ask(Request(), metadata=PAIRS)
    check(servicer.seen)


async def test_a_repeated_key_keeps_its_values_in_order(stub: Any) -> None:
    call = stub.Ask(Request(), metadata=(("first", "1"), ("third", "3"), ("first", "1")))
    metadata = await call.trailing_metadata()
    assert metadata.get_all("first") == ["1", "1"]
    assert list(metadata.keys()) == ["first", "third"]
    await call


async def test_what_comes_back_may_be_sent_on(stub: Any) -> None:
    _, call = await stub.Ask.with_call(Request(), metadata=PAIRS)
    _, call = await stub.Ask.with_call(Request(), metadata=await call.trailing_metadata())
    check(await call.trailing_metadata())
    trailing = await call.trailing_metadata()
    _, call = await asyncio.to_thread(stub.Ask.with_call, Request(), metadata=trailing)
    assert tuple(call.trailing_metadata()) == PAIRS


# ---- the error ---------------------------------------------------------------------------------------


class Raising(Echo):
    def Ask(self, request, context):
        raise ValueError("nothing to say")

    def Watch(self, request, context):
        raise ValueError("nothing to say")
        yield Reply()


class AsyncRaising(AsyncEcho):
    async def Ask(self, request, context):
        raise ValueError("nothing to say")

    async def Watch(self, request, context):
        raise ValueError("nothing to say")
        yield Reply()


async def error_of(stub: Any, method: str) -> Any:
    request = Request(text="no such thing")
    with pytest.raises(grpc.RpcError) as caught:
        await (stub.Watch(request).read() if method == "Watch" else stub.Ask(request, metadata=PAIRS))
    return caught.value


def error_in_thread(stub: Any, method: str) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.Watch(Request())) if method == "Watch" else stub.Ask(Request())
    return caught.value


@pytest.mark.parametrize("method", ["Ask", "Watch"])
@pytest.mark.parametrize("servicer", [Raising, AsyncRaising])
async def test_the_details_are_those_of_the_sync_api(
    grpcio_server: Start, bridge_server: Start, servicer: type[Servicer], method: str
) -> None:
    with grpc.insecure_channel(grpcio_server(Raising())) as plain:
        wanted = in_plain_thread(error_in_thread, stub_of(plain), method)
    async with grpc_bridge.insecure_channel(bridge_server(servicer())) as channel:
        error = await error_of(stub_of(channel), method)
    assert (error.code(), error.details()) == (wanted.code(), wanted.details())


async def test_the_error_is_a_call(stub: Any) -> None:
    error = await error_of(stub, "Ask")
    assert isinstance(error, (grpc.Call,))
    assert isinstance(error, (grpc.Future,))
    assert isinstance(error, grpc.aio.AioRpcError)
    check(error.trailing_metadata())
    assert set(PAIRS) <= set(error.initial_metadata())
    for name in [name for name in dir(grpc.Call) if not name.startswith("_")]:
        assert getattr(type(error), name) is not getattr(grpc.Call, name), name


COPIES: dict[str, Callable[[Any], Any]] = {
    **{
        f"pickle protocol {protocol}": lambda error, protocol=protocol: pickle.loads(
            pickle.dumps(error, protocol)
        )
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("way", COPIES)
async def test_the_error_pickles_and_is_copied(stub: Any, way: str) -> None:
    error = await error_of(stub, "Ask")
    twin = COPIES[way](error)
    assert type(twin) is type(error)
    assert (twin.code(), twin.details()) == (error.code(), error.details())
    assert twin.debug_error_string() == error.debug_error_string()
    check(twin.trailing_metadata())
    assert str(twin) == str(error)
    with pytest.raises(grpc.RpcError, match="no such thing"):
        raise twin


async def test_the_error_of_a_stream_pickles(bridge_server: Start) -> None:
    async with grpc_bridge.insecure_channel(bridge_server(AsyncRaising())) as channel:
        error = await error_of(stub_of(channel), "Watch")
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.code(), twin.details()) == (error.code(), error.details())
