"""Bad input is told at the call, by an exception of the type that grpcio or `grpc.aio` uses; nothing hangs.

What grpcio says is asked of grpcio: each mistake is made on a `grpc` channel in a thread, and then on ours in
a coroutine, where it has to raise the same kind of exception before anything is awaited. Metadata that C-core
refuses ends the RPC, on grpcio too: there the error comes with the response.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent import futures
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import LoopInThread, Start, in_plain_thread, stub_of
from ..protos.exchange_pb2 import Reply, Request
from .conftest import Patient, Run


@pytest.fixture
def target(grpcio_server: Start) -> str:
    return grpcio_server()


@pytest.fixture
async def stub(target: str) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(target) as channel:
        yield stub_of(channel)


METHODS: dict[str, Callable[..., Any]] = {
    "Ask": lambda stub, **options: stub.Ask(Request(), **options),
    "Ask.with_call": lambda stub, **options: stub.Ask.with_call(Request(), **options),
    "Ask.future": lambda stub, **options: stub.Ask.future(Request(), **options),
    "Watch": lambda stub, **options: stub.Watch(Request(), **options),
    "Collect": lambda stub, **options: stub.Collect(iter([Request()]), **options),
    "Collect.with_call": lambda stub, **options: stub.Collect.with_call(iter([Request()]), **options),
    "Collect.future": lambda stub, **options: stub.Collect.future(iter([Request()]), **options),
    "Talk": lambda stub, **options: stub.Talk(iter([Request()]), **options),
}

MISTAKES: dict[str, dict[str, Any]] = {
    "timeout of a wrong type": {"timeout": "soon"},
    "metadata that is no sequence": {"metadata": 5},
    "metadata that is no pairs": {"metadata": (("key",),)},
    "metadata with a triple": {"metadata": (("key", "value", "more"),)},
    "metadata with a number for a key": {"metadata": ((5, "value"),)},
    "metadata with a number for a value": {"metadata": (("key", 5),)},
    "credentials of a wrong type": {"credentials": object()},
    "an argument that does not exist": {"deadline": 5},
}


def outcome_in_thread(method: str, target: str, options: dict[str, Any]) -> BaseException | None:
    """What grpcio raises at the call, or None."""
    with grpc.insecure_channel(target) as channel:
        try:
            METHODS[method](stub_of(channel), **options)
        except Exception as error:
            return error
    return None


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("method", METHODS)
async def test_a_mistake_raises_at_the_call_what_it_raises_on_grpcio(
    stub: Any, target: str, method: str, mistake: str
) -> None:
    theirs = await asyncio.to_thread(outcome_in_thread, method, target, MISTAKES[mistake])
    assert theirs is not None
    with pytest.raises(type(theirs)) as caught:
        METHODS[method](stub, **MISTAKES[mistake])
    assert type(caught.value) is type(theirs)
    # The channel is none the worse for it.
    assert (await stub.Ask(Request(text="next"))).text == "NEXT"


REFUSED = {"upper case": "Key", "a blank": "a key", "nothing": "", "no ASCII": "kéy"}


async def outcome_of(call: Any) -> Any:
    return await (call.read() if hasattr(call, "read") else call)


@pytest.mark.parametrize("key", REFUSED)
@pytest.mark.parametrize("method", METHODS)
async def test_metadata_that_c_core_refuses_is_refused_as_on_grpcio(
    stub: Any, target: str, method: str, key: str
) -> None:
    """Newer grpcio ends the RPC; older ones raise ValueError at the call."""
    options = {"metadata": ((REFUSED[key], "value"),)}
    theirs = await asyncio.to_thread(outcome_in_thread, "Ask", target, options)
    if isinstance(theirs, ValueError):
        with pytest.raises(ValueError, match="metadata was invalid"):
            METHODS[method](stub, **options)
    else:
        with pytest.raises(grpc.RpcError, match="Invalid metadata") as caught:
            await outcome_of(METHODS[method](stub, **options))
        assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert (await stub.Ask(Request(text="next"))).text == "NEXT"


WRONG_REQUESTS: dict[str, Callable[[Any], Any]] = {
    "Ask": lambda stub: stub.Ask("no message"),
    "Ask.with_call": lambda stub: stub.Ask.with_call("no message"),
    "Ask.future": lambda stub: stub.Ask.future("no message"),
    "Watch": lambda stub: stub.Watch("no message"),
    "Ask of None": lambda stub: stub.Ask(None),
    "Ask of another message": lambda stub: stub.Ask(Reply),
}


@pytest.mark.parametrize("method", WRONG_REQUESTS)
async def test_a_request_of_a_wrong_type_raises_at_the_call(stub: Any, target: str, method: str) -> None:
    def in_thread() -> Any:
        with grpc.insecure_channel(target) as channel, pytest.raises(grpc.RpcError) as caught:
            WRONG_REQUESTS[method](stub_of(channel))
        return caught.value

    theirs = await asyncio.to_thread(in_thread)
    with pytest.raises(grpc.RpcError) as caught:
        WRONG_REQUESTS[method](stub)
    ours: Any = caught.value
    assert (ours.code(), ours.details()) == (theirs.code(), theirs.details())
    assert isinstance(ours.__cause__, Exception)


@pytest.mark.parametrize("kind", [list, iter])
async def test_a_request_of_a_wrong_type_in_a_stream_ends_the_call(
    stub: Any, kind: Callable[[Any], Any]
) -> None:
    with pytest.raises(grpc.RpcError, match="Exception serializing request!") as caught:
        await stub.Collect(kind([Request(), "no message"]))
    assert caught.value.code() is grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("method", ["Collect", "Collect.with_call", "Collect.future", "Talk"])
async def test_requests_that_are_no_iterator_raise_at_the_call(stub: Any, method: str) -> None:
    multi_callable = stub.Talk if method == "Talk" else stub.Collect
    start = getattr(multi_callable, method.partition(".")[2] or "__call__")
    with pytest.raises(TypeError, match="must be an iterator, an iterable or their async kinds, not Request"):
        start(Request())


async def test_a_message_of_a_wrong_type_cannot_be_written(stub: Any) -> None:
    call = stub.Talk()
    with pytest.raises((TypeError, AttributeError, grpc.RpcError)):
        await call.write("no message")
    call.cancel()


# ---- use after close ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
async def test_a_closed_channel_refuses_calls(target: str, method: str) -> None:
    channel = grpc_bridge.insecure_channel(target)
    stub = stub_of(channel)
    await outcome_of(METHODS[method](stub))
    await asyncio.to_thread(METHODS[method], stub)
    await channel.close()
    await channel.close()
    with pytest.raises(ValueError, match=r"closed channel|Channel closed"):
        METHODS[method](stub)
    with pytest.raises(ValueError, match=r"closed channel|Channel closed"):
        await asyncio.to_thread(METHODS[method], stub)


FIRST_USED_AFTER_CLOSE = """
    import asyncio, sys
    import grpc_bridge
    from tests.conftest import stub_of
    from tests.users.test_bad_input import METHODS

    target, method, context = sys.argv[1:]
    channel = grpc_bridge.insecure_channel(target)
    stub = stub_of(channel)
    channel.close()

    def use():
        try:
            METHODS[method](stub)
        except ValueError:
            print("refused")

    async def main():
        use()

    asyncio.run(main()) if context == "coroutine" else use()
"""


# In a process of its own, because C-core does not survive the registration of a method on a closed channel.
@pytest.mark.parametrize("context", ["thread", "coroutine"])
@pytest.mark.parametrize("method", METHODS)
def test_a_stub_first_used_after_close_is_refused(
    target: str, run_program: Run, method: str, context: str
) -> None:
    assert run_program(FIRST_USED_AFTER_CLOSE, target, method, context) == "refused\n"


async def test_a_call_that_has_ended_takes_no_more_requests(stub: Any) -> None:
    call = stub.Talk()
    await call.done_writing()
    with pytest.raises(asyncio.InvalidStateError):
        await call.write(Request())
    assert await call.read() is grpc.aio.EOF
    with pytest.raises(asyncio.InvalidStateError):
        await call.write(Request())


# ---- two loops, one call -----------------------------------------------------------------------------


async def awaited(call: Any) -> Any:
    return await call


ASKS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "await": ("Ask", awaited),
    "result": ("Ask", lambda call: awaited_of(call, "result")),
    "exception": ("Ask", lambda call: awaited_of(call, "exception")),
    "code": ("Ask", lambda call: awaited_of(call, "code")),
    "initial_metadata": ("Ask", lambda call: awaited_of(call, "initial_metadata")),
    "await of requests": ("Collect", awaited),
    "write": ("Collect", lambda call: awaited_of(call, "write", Request())),
    "read": ("Watch", lambda call: awaited_of(call, "read")),
    "anext": ("Watch", lambda call: awaited_of(call, "__anext__")),
}


async def awaited_of(call: Any, name: str, *arguments: Any) -> Any:
    return await getattr(call, name)(*arguments)


async def start_call(stub: Any, method: str) -> Any:
    if method == "Watch":
        return stub.Watch(Request())
    return stub.Collect.future() if method == "Collect" else stub.Ask.future(Request())


@pytest.mark.parametrize("ask", ASKS)
def test_a_call_of_one_loop_is_refused_on_another(
    grpcio_server: Start, loop_in_thread: Callable[..., LoopInThread], ask: str
) -> None:
    method, wait = ASKS[ask]
    servicer = Patient()
    first, second = loop_in_thread(), loop_in_thread()
    with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        call = first.run(start_call(stub_of(channel), method))
        with pytest.raises(grpc_bridge.BoundToAnotherLoop, match="started on another event loop"):
            second.run(wait(call))
        assert call.is_active()
        # It may be cancelled from anywhere.
        assert call.cancel()
        with pytest.raises(grpc.FutureCancelledError):
            call.result(timeout=20)


# ---- where there is no server, and no port -----------------------------------------------------------


@pytest.mark.parametrize("wrong", [None, 5, object()])
def test_a_target_of_a_wrong_type_is_refused_as_on_grpcio(wrong: Any) -> None:
    kinds = []
    for module in (grpc, grpc_bridge):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which, is what is compared
            stub_of(module.insecure_channel(wrong)).Ask(Request(), timeout=1)
        kinds.append(type(caught.value))
    assert kinds[0] is kinds[1]


@pytest.mark.parametrize("address", ["256.0.0.1:0", "127.0.0.1:none", "nowhere.invalid:0"])
def test_an_address_that_cannot_be_served_raises_as_on_grpcio(address: str) -> None:
    def in_thread(module: Any) -> BaseException:
        with futures.ThreadPoolExecutor(1) as pool:
            server = module.server(pool)
            with pytest.raises(RuntimeError) as caught:
                server.add_insecure_port(address)
            server.stop(None)
            return caught.value

    assert str(in_plain_thread(in_thread, grpc_bridge)) == str(in_plain_thread(in_thread, grpc))
