"""Credentials seen from a coroutine: plugins and fetchers run off the loop, and do there what they like."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.experimental
import pytest
from grpc.experimental import session_cache

import grpc_bridge

from ..conftest import LOOPBACK, PATIENCE, AsyncEcho, Servicer, Start, stub_of, wait_in_thread
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request
from ..sync_parity.certs import read

UDS = grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
AUTHORITY = read("ca.pem")
SERVER_PAIR = read("server.key"), read("server.pem")
OTHER_PAIR = read("other.key"), read("other.pem")


class Doorkeeper(Servicer):
    """Says with which ticket it was asked."""

    def _ticket(self, context: grpc.ServicerContext) -> Reply:
        shown = [value for key, value in context.invocation_metadata() if key == "ticket"]
        return Reply(text=" ".join(shown))

    async def Ask(self, request, context):
        return self._ticket(context)

    async def Watch(self, request, context):
        yield self._ticket(context)

    async def Collect(self, request_iterator, context):
        return self._ticket(context)

    async def Talk(self, request_iterator, context):
        async for _ in request_iterator:
            yield self._ticket(context)


class Plugin(grpc.AuthMetadataPlugin):
    """Hands out a ticket; notes on which thread, and whether a loop was running there."""

    def __init__(self, ticket: str = "one") -> None:
        self.ticket = ticket
        self.threads: list[threading.Thread] = []
        self.loops: list[object] = []

    def __call__(self, context, callback):
        self.threads.append(threading.current_thread())
        self.loops.append(asyncio._get_running_loop())
        self.answer(context, callback)

    def answer(self, context, callback):
        callback((("ticket", self.ticket),), None)


def of_calls(plugin: grpc.AuthMetadataPlugin) -> grpc.CallCredentials:
    return grpc.metadata_call_credentials(plugin)


def of_channel(plugin: grpc.AuthMetadataPlugin) -> grpc.ChannelCredentials:
    return grpc.composite_channel_credentials(UDS, of_calls(plugin))


@contextlib.asynccontextmanager
async def serving(
    address: str, credentials: grpc.ServerCredentials, servicer: Servicer | None = None
) -> AsyncIterator[int]:
    server = grpc_bridge.server()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer or Doorkeeper(), server)
    port = server.add_secure_port(address, credentials)
    await server.start()
    try:
        yield port
    finally:
        await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[str]:
    """A server on a unix socket, where local credentials are safe enough for call credentials."""
    address = f"unix:{tmp_path / 'door'}"
    async with serving(address, grpc.local_server_credentials(grpc.LocalConnectionType.UDS)):
        yield address


async def each_arity(stub: Any, **arguments: Any) -> list[Any]:
    """What calls of the four arities bring: a reply or an error."""
    requests = [Request()]
    arguments["timeout"] = PATIENCE

    async def first(call: Any) -> Any:
        return await anext(call)

    outcomes = await asyncio.gather(
        _awaited(stub.Ask(Request(), **arguments)),
        first(stub.Watch(Request(), **arguments)),
        _awaited(stub.Collect(requests, **arguments)),
        first(stub.Talk(requests, **arguments)),
        return_exceptions=True,
    )
    return list(outcomes)


async def _awaited(call: Any) -> Any:
    return await call


def each_arity_in_thread(stub: Any, **arguments: Any) -> list[Any]:
    """The same in sync code."""
    arguments["timeout"] = PATIENCE
    calls: list[Callable[[], Any]] = [
        lambda: stub.Ask(Request(), **arguments),
        lambda: next(stub.Watch(Request(), **arguments)),
        lambda: stub.Collect(iter([Request()]), **arguments),
        lambda: next(stub.Talk(iter([Request()]), **arguments)),
    ]
    outcomes: list[Any] = []
    for call in calls:
        try:
            outcomes.append(call())
        except grpc.RpcError as error:
            outcomes.append(error)
    return outcomes


# ---- plugins -----------------------------------------------------------------------------------------


async def test_a_plugin_runs_off_the_loop(door: str) -> None:
    plugin = Plugin()
    async with grpc_bridge.secure_channel(door, UDS) as channel:
        replies = await each_arity(stub_of(channel), credentials=of_calls(plugin))
        assert [reply.text for reply in replies] == ["one"] * 4
    async with grpc_bridge.secure_channel(door, of_channel(plugin)) as channel:
        replies = await each_arity(stub_of(channel))
        assert [reply.text for reply in replies] == ["one"] * 4
        more = grpc.composite_call_credentials(of_calls(Plugin("two")), of_calls(Plugin("three")))
        replies = await each_arity(stub_of(channel), credentials=more)
        assert [sorted(reply.text.split()) for reply in replies] == [["one", "three", "two"]] * 4
    assert len(plugin.threads) == 12
    assert threading.main_thread() not in plugin.threads
    assert set(plugin.loops) == {None}


async def test_a_plugin_that_blocks_does_not_hold_up_the_loop(door: str) -> None:
    class Slow(Plugin):
        entered, released = threading.Event(), threading.Event()

        def answer(self, context, callback):
            self.entered.set()
            assert self.released.wait(PATIENCE)
            super().answer(context, callback)

    plugin = Slow()
    async with grpc_bridge.secure_channel(door, UDS) as channel:
        stub = stub_of(channel)
        waiting = stub.Ask(Request(), timeout=PATIENCE, credentials=of_calls(plugin))
        await wait_in_thread(plugin.entered)
        replies = await each_arity(stub, credentials=of_calls(Plugin()))
        assert [reply.text for reply in replies] == ["one"] * 4
        assert not waiting.done()
        plugin.released.set()
        assert (await waiting).text == "one"


async def test_a_call_ends_while_its_plugin_blocks(door: str) -> None:
    class Slow(Plugin):
        entered, released, done = threading.Event(), threading.Event(), threading.Event()

        def answer(self, context, callback):
            self.entered.set()
            assert self.released.wait(PATIENCE)
            super().answer(context, callback)  # too late
            self.done.set()

    plugin = Slow()
    async with grpc_bridge.secure_channel(door, UDS) as channel:
        stub = stub_of(channel)
        call = stub.Ask(Request(), credentials=of_calls(plugin))
        await wait_in_thread(plugin.entered)
        call.cancel()
        with pytest.raises(grpc.RpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.CANCELLED
        plugin.released.set()
        await wait_in_thread(plugin.done)
        assert (await stub.Ask(Request(), credentials=of_calls(Plugin()), timeout=PATIENCE)).text == "one"


class FromService(Plugin):
    """Gets its tickets from a service, with the calls of a sync stub."""

    def __init__(self, stub: Any, *, future: bool) -> None:
        super().__init__()
        self._stub = stub
        self._future = future

    def answer(self, context, callback):
        request = Request(text=context.method_name)
        if self._future:
            call = self._stub.Ask.future(request, timeout=PATIENCE)
            call.add_done_callback(lambda done: callback((("ticket", done.result().text),), None))
        else:
            callback((("ticket", self._stub.Ask(request, timeout=PATIENCE).text),), None)


@pytest.mark.parametrize("future", [True, False], ids=["future", "call"])
@pytest.mark.parametrize("issuer", ["grpcio_server", "bridge_server", "here"])
async def test_a_plugin_makes_rpcs_of_its_own(
    request: pytest.FixtureRequest, door: str, tmp_path: Path, issuer: str, future: bool
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        if issuer == "here":
            # Its answers come from the loop that waits for the outer call.
            address = f"unix:{tmp_path / 'issuer'}"
            credentials = grpc.local_server_credentials(grpc.LocalConnectionType.UDS)
            await stack.enter_async_context(serving(address, credentials, AsyncEcho()))
            issuing = await stack.enter_async_context(grpc_bridge.secure_channel(address, UDS))
        else:
            start: Start = request.getfixturevalue(issuer)
            issuing = await stack.enter_async_context(grpc_bridge.insecure_channel(start()))
        plugin = FromService(stub_of(issuing), future=future)
        channel = await stack.enter_async_context(grpc_bridge.secure_channel(door, of_channel(plugin)))
        replies = await each_arity(stub_of(channel))
        assert [reply.text for reply in replies] == ["ASK", "WATCH", "COLLECT", "TALK"]
        replies = await asyncio.to_thread(each_arity_in_thread, stub_of(channel))
        assert [reply.text for reply in replies] == ["ASK", "WATCH", "COLLECT", "TALK"]


class Raising(Plugin):
    def answer(self, context, callback):
        raise LookupError("the drawer is locked")


class Failing(Plugin):
    def answer(self, context, callback):
        callback((), LookupError("the drawer is empty"))


class Nonsense(Plugin):
    def answer(self, context, callback):
        callback((("Not a Key", "x"),), None)


@pytest.mark.parametrize("plugin", [Raising, Failing, Nonsense])
async def test_what_a_plugin_fails_with_is_told_as_on_grpcio(door: str, plugin: type[Plugin]) -> None:
    def on_grpcio() -> list[Any]:
        with grpc.secure_channel(door, of_channel(plugin())) as channel:
            return each_arity_in_thread(stub_of(channel))

    expected = await asyncio.to_thread(on_grpcio)
    async with grpc_bridge.secure_channel(door, of_channel(plugin())) as channel:
        found = await each_arity(stub_of(channel))
        in_thread = await asyncio.to_thread(each_arity_in_thread, stub_of(channel))
    told = [(error.code(), error.details()) for error in expected]
    assert len(set(told)) == 1
    assert told[0][0] is not grpc.StatusCode.OK
    assert [(error.code(), error.details()) for error in found] == told
    assert [(error.code(), error.details()) for error in in_thread] == told


async def test_call_credentials_do_not_go_over_a_connection_that_is_not_secure(bridge_server: Start) -> None:
    target = bridge_server()

    def on_grpcio() -> list[Any]:
        with grpc.insecure_channel(target) as channel:
            return each_arity_in_thread(stub_of(channel), credentials=of_calls(plugin))

    plugin = Plugin()
    expected = await asyncio.to_thread(on_grpcio)
    async with grpc_bridge.insecure_channel(target) as channel:
        found = await each_arity(stub_of(channel), credentials=of_calls(plugin))
    told = [(error.code(), error.details()) for error in found]
    assert told == [(error.code(), error.details()) for error in expected]
    assert {code for code, _ in told} == {grpc.StatusCode.UNAUTHENTICATED}
    assert plugin.threads == []


# ---- TLS ---------------------------------------------------------------------------------------------


class Named(Servicer):
    """Says who asks."""

    async def Ask(self, request, context):
        reused = context.auth_context().get("ssl_session_reused", [b""])[0]
        return Reply(
            text=" ".join(sorted(each.decode() for each in context.peer_identities() or ())), payload=reused
        )


async def test_a_server_changes_its_certificate_while_it_runs() -> None:
    pairs = [SERVER_PAIR]
    calls: list[object] = []
    failing = False

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        calls.append(asyncio._get_running_loop())
        if failing:
            raise LookupError("no certificate today")
        if len(calls) == 2:
            return None  # nothing new
        return grpc.ssl_server_certificate_configuration([pairs[-1]], AUTHORITY)

    first = grpc.ssl_server_certificate_configuration([SERVER_PAIR], AUTHORITY)
    credentials = grpc.dynamic_ssl_server_credentials(first, fetch)

    async def ask(port: int, name: str) -> str | grpc.StatusCode:
        options = (("grpc.ssl_target_name_override", name),)
        trusting = grpc.ssl_channel_credentials(AUTHORITY)
        async with grpc_bridge.secure_channel(f"127.0.0.1:{port}", trusting, options) as channel:
            try:
                return str((await stub_of(channel).Ask(Request(text="in"), timeout=PATIENCE)).text)
            except grpc.RpcError as error:
                return error.code()

    async with serving(LOOPBACK, credentials, AsyncEcho()) as port:
        assert await ask(port, "server.test") == "IN"
        assert await ask(port, "server.test") == "IN"
        pairs.append(OTHER_PAIR)
        assert await ask(port, "other.test") == "IN"
        assert await ask(port, "server.test") is grpc.StatusCode.UNAVAILABLE
        failing = True
        assert await ask(port, "other.test") == "IN"  # the last good one is kept
    assert len(calls) >= 5
    assert set(calls) == {None}, "the fetcher ran on the loop's thread"


async def test_a_session_cache_is_shared_by_channels() -> None:
    options = (
        ("grpc.ssl_session_cache", session_cache.ssl_session_cache_lru(4)),
        ("grpc.ssl_target_name_override", "server.test"),
    )
    credentials = grpc.ssl_channel_credentials(AUTHORITY, read("client.key"), read("client.pem"))
    demanding = grpc.ssl_server_credentials([SERVER_PAIR], AUTHORITY, require_client_auth=True)
    async with serving(LOOPBACK, demanding, Named()) as port:
        reused = []
        for _ in range(2):
            async with grpc_bridge.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
                reply = await stub_of(channel).Ask(Request(), timeout=PATIENCE)
                assert "client.test" in reply.text
                reused.append(reply.payload)
        assert reused == [b"false", b"true"]


# ---- others ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [grpc.LocalConnectionType.UDS, grpc.LocalConnectionType.LOCAL_TCP])
async def test_local_credentials(tmp_path: Path, kind: grpc.LocalConnectionType) -> None:
    address = LOOPBACK if kind is grpc.LocalConnectionType.LOCAL_TCP else f"unix:{tmp_path / 'local'}"
    async with serving(address, grpc.local_server_credentials(kind), AsyncEcho()) as port:
        target = f"127.0.0.1:{port}" if address is LOOPBACK else address
        async with grpc_bridge.secure_channel(target, grpc.local_channel_credentials(kind)) as channel:
            stub = stub_of(channel)
            assert (await stub.Ask(Request(text="async"), timeout=PATIENCE)).text == "ASYNC"
            reply = await asyncio.to_thread(stub.Ask, Request(text="sync"), timeout=PATIENCE)
            assert reply.text == "SYNC"


async def test_xds_credentials_fall_back_where_there_is_no_xds() -> None:
    on_server = grpc.xds_server_credentials(grpc.insecure_server_credentials())
    on_channel = grpc.xds_channel_credentials(grpc.experimental.insecure_channel_credentials())
    async with (
        serving(LOOPBACK, on_server, AsyncEcho()) as port,
        grpc_bridge.secure_channel(f"127.0.0.1:{port}", on_channel) as channel,
    ):
        stub = stub_of(channel)
        assert (await stub.Ask(Request(text="async"), timeout=PATIENCE)).text == "ASYNC"
        reply = await asyncio.to_thread(stub.Ask, Request(text="sync"), timeout=PATIENCE)
        assert reply.text == "SYNC"


async def test_a_server_with_xds_starts_and_serves_where_there_is_no_control_plane() -> None:
    server = grpc_bridge.server(xds=True)
    exchange_pb2_grpc.add_ExchangeServicer_to_server(AsyncEcho(), server)
    plain = server.add_insecure_port(LOOPBACK)
    fallback = grpc.xds_server_credentials(grpc.insecure_server_credentials())
    secured = server.add_secure_port(LOOPBACK, fallback)
    await server.start()
    for port in (plain, secured):
        async with grpc_bridge.insecure_channel(f"127.0.0.1:{port}") as channel:
            assert (await stub_of(channel).Ask(Request(text="in"), timeout=PATIENCE)).text == "IN"
    await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)
