"""Every public name of both of grpcio's contexts works on the context of a handler of either colour.

In every state of the RPC: while it runs, after `abort`, after the client has cancelled, after the end, in
done callbacks, and after the server has gone.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge
from grpc_bridge import aio

from ..conftest import LOOPBACK, PATIENCE, Servicer, Start, in_plain_thread, serving_here, stub_of, until
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request


def public_names(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


NAMES = sorted(public_names(grpc.ServicerContext) | public_names(grpc.aio.ServicerContext))

# What to call each member with.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "abort": (grpc.StatusCode.ABORTED, "aborted"),
    "abort_with_status": (),  # filled in below: a Status has to be made of a class of the test's own
    "add_callback": (lambda: None,),
    "add_done_callback": (repr,),
    "send_initial_metadata": ((("early", "1"),),),
    "set_code": (grpc.StatusCode.OK,),
    "set_compression": (grpc.Compression.Gzip,),
    "set_details": ("some",),
    "set_trailing_metadata": ((("late", "1"),),),
    "write": (Reply(text="written"),),
}


class _Status(grpc.Status):
    code, details, trailing_metadata = grpc.StatusCode.ABORTED, "aborted", None


ARGUMENTS["abort_with_status"] = (_Status(),)
ABORTS = {"abort", "abort_with_status"}
# These need a stream of requests, or of responses.
STREAM_ONLY = {"read", "write"}


def use(context: Any, name: str) -> Any:
    return getattr(context, name)(*ARGUMENTS.get(name, ()))


async def use_awaited(context: Any, name: str) -> Any:
    result = use(context, name)
    return await result if hasattr(result, "__await__") else result


class Uses(Servicer):
    """Uses the one member that it is about; four functions."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.results: list[Any] = []

    def _use(self, context: Any) -> None:
        self.results.append(use(context, self.name))

    def Ask(self, request, context):
        self._use(context)
        return Reply(text="done")

    def Watch(self, request, context):
        self._use(context)
        yield Reply(text="done")

    def Collect(self, request_iterator, context):
        self._use(context)
        return Reply(text="done")

    def Talk(self, request_iterator, context):
        self._use(context)
        yield Reply(text="done")


class UsesAwaited(Servicer):
    """The same in coroutines, which await what can be awaited."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.results: list[Any] = []

    async def _use(self, context: Any) -> None:
        self.results.append(await use_awaited(context, self.name))

    async def Ask(self, request, context):
        await self._use(context)
        return Reply(text="done")

    async def Watch(self, request, context):
        await self._use(context)
        yield Reply(text="done")

    async def Collect(self, request_iterator, context):
        await self._use(context)
        return Reply(text="done")

    async def Talk(self, request_iterator, context):
        await self._use(context)
        yield Reply(text="done")


class UsesPlainly(UsesAwaited):
    """Coroutines that await nothing."""

    async def _use(self, context: Any) -> None:
        self.results.append(use(context, self.name))


async def call_method(stub: Any, method: str) -> Any:
    requests = [Request(number=1), Request(number=2)]
    if method in ("Ask", "Collect"):
        return [await getattr(stub, method)(Request() if method == "Ask" else requests, timeout=PATIENCE)]
    argument = Request() if method == "Watch" else requests
    return [reply async for reply in getattr(stub, method)(argument, timeout=PATIENCE)]


EXPECTED: dict[str, Callable[[Any], bool]] = {
    "is_active": lambda value: value is True,
    "cancelled": lambda value: value is False,
    "done": lambda value: value is False,
    "add_callback": lambda value: value is True,
    "code": lambda value: value is None,
    "details": lambda value: value is None,
    "peer": lambda value: value.startswith("ipv4:127.0.0.1:"),
    "time_remaining": lambda value: PATIENCE - 20 < value <= PATIENCE + 1,
    "auth_context": lambda value: value["transport_security_type"] == [b"insecure"],
    "peer_identities": lambda value: value is None,
    "peer_identity_key": lambda value: value is None,
    "trailing_metadata": lambda value: value is None,
    "invocation_metadata": lambda value: "user-agent" in {key for key, _ in value},
    "read": lambda value: value == Request(number=1),
}


def nothing(value: Any) -> bool:
    return value is None or hasattr(value, "__await__")


# In a coroutine, what reads and writes is awaited.
@pytest.mark.parametrize(
    ("name", "colour"),
    [
        (name, colour)
        for name in NAMES
        for colour in (Uses, UsesAwaited, UsesPlainly)
        if colour is not UsesPlainly or name not in STREAM_ONLY
    ],
)
async def test_every_name_in_a_running_rpc(name: str, colour: Any, bridge_server: Start) -> None:
    methods = ["Ask", "Watch", "Collect", "Talk"]
    if name == "read":
        methods = ["Collect", "Talk"]
    elif name == "write":
        methods = ["Watch", "Talk"]
    for start in ("from sync code", "in a coroutine"):
        servicer = colour(name)
        async with serving_here(servicer) as here:
            target = bridge_server(servicer) if start == "from sync code" else here
            async with grpc_bridge.insecure_channel(target) as channel:
                for method in methods:
                    await check_running(stub_of(channel), method, name, servicer)


async def check_running(stub: Any, method: str, name: str, servicer: Any) -> None:
    servicer.results.clear()
    if name in ABORTS or name == "cancel":
        with pytest.raises(grpc.RpcError) as caught:
            await call_method(stub, method)
        if name in ABORTS:
            assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.ABORTED, "aborted")
            assert servicer.results == []  # it never returned
        else:
            assert caught.value.code() == grpc.StatusCode.CANCELLED
        return
    replies = [reply.text for reply in await call_method(stub, method)]
    assert replies == (["written", "done"] if name == "write" else ["done"])
    [result] = servicer.results
    assert EXPECTED.get(name, nothing)(result), result


# ---- after the RPC -----------------------------------------------------------------------------------


class Keeps(Servicer):
    """Keeps its contexts; ends as it is told."""

    def __init__(self, ending: str) -> None:
        self.ending = ending
        self.context: Any = None
        self.entered, self.release = threading.Event(), threading.Event()
        self.over = threading.Event()
        self.seen: list[tuple[Any, ...]] = []

    def _enter(self, context: Any) -> None:
        self.context = context
        context.add_callback(lambda: self._note("callback"))
        context.add_done_callback(lambda given: self._note("done callback", given is context))
        context.add_callback(self.over.set)
        self.entered.set()

    def _note(self, *what: Any) -> None:
        context = self.context
        self.seen.append((*what, context.done(), context.cancelled(), context.is_active()))

    def Ask(self, request, context):
        self._enter(context)
        if self.ending == "client cancels":
            self.over.wait(PATIENCE)
        elif self.ending == "aborts":
            context.abort(grpc.StatusCode.ABORTED, "aborted")
        return Reply()


class KeepsAsync(Keeps):
    async def Ask(self, request, context):
        self._enter(context)
        if self.ending == "client cancels":
            await asyncio.Event().wait()
        elif self.ending == "aborts":
            await context.abort(grpc.StatusCode.ABORTED, "aborted")
        return Reply()


ENDINGS = ["returns", "aborts", "client cancels"]


@pytest.fixture(params=[Keeps, KeepsAsync])
async def keep(request: pytest.FixtureRequest, bridge_server: Start) -> Any:
    """Makes an RPC that ends in a certain way; gives what its servicer has kept."""

    async def run(ending: str) -> Any:
        servicer = request.param(ending)
        async with grpc_bridge.insecure_channel(bridge_server(servicer)) as channel:
            call = stub_of(channel).Ask.future(Request())
            if ending == "client cancels":
                assert await asyncio.to_thread(servicer.entered.wait, PATIENCE)
                call.cancel()
            await call.code()
            assert await asyncio.to_thread(servicer.over.wait, PATIENCE)
        return servicer

    return run


@pytest.mark.parametrize("ending", ENDINGS)
async def test_done_callbacks_are_told_how_it_ended(keep: Any, ending: str) -> None:
    servicer = await keep(ending)
    cancelled = ending == "client cancels"
    assert servicer.seen == [
        ("callback", True, cancelled, False),
        ("done callback", True, True, cancelled, False),
    ]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_every_name_after_the_end(keep: Any, ending: str) -> None:
    servicer = await keep(ending)
    for where in ("in a thread", "in a coroutine"):
        for name in NAMES:
            try:
                if where == "in a thread":
                    result = await asyncio.to_thread(use, servicer.context, name)
                else:
                    result = await use_awaited(servicer.context, name)
            except (grpc.RpcError, grpc.aio.AbortError, grpc.aio.UsageError, ValueError) as error:
                # A message or headers cannot be sent any more; nor is there anything to read.
                assert name in ABORTS | STREAM_ONLY | {"send_initial_metadata"}, error  # noqa: PT017
                continue
            except asyncio.CancelledError:
                assert (name in STREAM_ONLY, ending) == (True, "client cancels")
                continue
            after = {
                "is_active": False,
                "done": True,
                "cancelled": ending == "client cancels",
                "add_callback": False,
            }
            if name in after:
                assert result is after[name]
    assert servicer.context.peer().startswith("ipv4:127.0.0.1:")


async def test_a_context_outlives_its_server() -> None:
    servicer = Keeps("returns")
    async with serving_here(servicer) as target, grpc_bridge.insecure_channel(target) as channel:
        await stub_of(channel).Ask(Request())
    context = servicer.context
    context.cancel()
    assert context.peer().startswith("ipv4:127.0.0.1:")
    assert (context.is_active(), context.done(), context.cancelled()) == (False, True, False)


async def test_a_done_callback_that_comes_late_is_called_at_once(keep: Any) -> None:
    servicer = await keep("returns")
    heard: list[Any] = []
    servicer.context.add_done_callback(heard.append)
    assert heard == [servicer.context]


# ---- attributes, kinds, deadlines --------------------------------------------------------------------


class TakesNotes(Servicer):
    def __init__(self) -> None:
        self.notes: list[Any] = []

    def _take(self, context: Any) -> None:
        context.foo = "a note"
        self.notes.append((context.foo, isinstance(context, grpc.ServicerContext)))
        self.notes.append(isinstance(context, grpc.aio.ServicerContext))

    def Ask(self, request, context):
        self._take(context)
        return Reply()

    async def Collect(self, request_iterator, context):
        self._take(context)
        return Reply()


async def test_a_context_takes_attributes_and_is_of_both_kinds() -> None:
    servicer = TakesNotes()
    async with serving_here(servicer) as target, grpc_bridge.insecure_channel(target) as channel:
        await stub_of(channel).Ask(Request())
        await stub_of(channel).Collect([])
    assert servicer.notes == [("a note", True), True] * 2


class Forwards(Servicer):
    """Calls the next server with the time that it has left itself."""

    def __init__(self, next_target: str) -> None:
        self.channel = grpc_bridge.insecure_channel(next_target)
        self.remaining: list[Any] = []

    def Ask(self, request, context):
        self.remaining.append(context.time_remaining())
        return stub_of(self.channel).Ask(request, timeout=context.time_remaining())

    async def Collect(self, request_iterator, context):
        self.remaining.append(context.time_remaining())
        return await stub_of(self.channel).Ask(Request(text="word"), timeout=context.time_remaining())


@pytest.mark.parametrize("timeout", [None, PATIENCE])
async def test_what_is_left_of_a_deadline_is_a_timeout(
    timeout: float | None, bridge_server: Start, grpcio_server: Start
) -> None:
    servicer = Forwards(grpcio_server())
    async with grpc_bridge.insecure_channel(bridge_server(servicer)) as channel:
        stub = stub_of(channel)
        assert (await stub.Ask(Request(text="word"), timeout=timeout)).text == "WORD"
        assert (await stub.Collect([], timeout=timeout)).text == "WORD"
    await servicer.channel.close()
    for remaining in servicer.remaining:
        assert remaining > 1e9 if timeout is None else 0 < remaining <= PATIENCE + 1


async def test_without_a_deadline_the_aio_server_s_context_has_no_time_remaining(
    grpcio_server: Start,
) -> None:
    servicer = Forwards(grpcio_server())
    server = aio.server()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
    port = server.add_insecure_port(LOOPBACK)
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert (await stub_of(channel).Ask(Request(text="word"))).text == "WORD"
        assert (await stub_of(channel).Collect([])).text == "WORD"
    await servicer.channel.close()
    assert servicer.remaining == [None, None]
    await server.stop(None)


# ---- the client goes while the handler works ---------------------------------------------------------


class Polls(Servicer):
    """Works on until it hears that nobody waits any more."""

    def __init__(self) -> None:
        self.entered, self.heard = threading.Event(), threading.Event()

    def Ask(self, request, context):
        self.entered.set()
        pause = threading.Event()
        while context.is_active():
            pause.wait(0.001)
        assert context.cancelled()
        self.heard.set()
        return Reply()


async def test_a_function_hears_of_the_client_s_cancelling(bridge_server: Start) -> None:
    servicer = Polls()
    async with grpc_bridge.insecure_channel(bridge_server(servicer)) as channel:
        call = stub_of(channel).Ask.future(Request())
        assert await asyncio.to_thread(servicer.entered.wait, PATIENCE)
        call.cancel()
        await until(servicer.heard.is_set)


def test_a_server_that_was_stopped_from_sync_code_leaves_its_contexts_usable() -> None:
    servicer = Keeps("returns")

    def serve() -> None:
        server = grpc_bridge.server()
        exchange_pb2_grpc.add_ExchangeServicer_to_server(servicer, server)
        port = server.add_insecure_port(LOOPBACK)
        server.start()
        with grpc_bridge.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub_of(channel).Ask(Request())
        server.stop(None)

    in_plain_thread(serve)
    servicer.context.cancel()
    assert servicer.context.auth_context() is not None
