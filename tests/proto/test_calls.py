"""Calls by target or channel: every arity, from coroutines and threads, and what is refused at the call."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge
from grpc_bridge import UnawaitedCallWarning

from ..conftest import PATIENCE, in_plain_thread


@pytest.fixture(params=["target", "channel", "intercepted", "aio channel"])
def peer(request: pytest.FixtureRequest, target: str) -> Any:
    """What to call: the address, or one of the channels that reach it."""
    if request.param == "target":
        return target
    if request.param == "aio channel":
        return grpc_bridge.aio.insecure_channel(target)
    channel = grpc_bridge.insecure_channel(target)
    if request.param == "intercepted":
        return grpc_bridge.intercept_channel(channel, Passing())
    return channel


class Passing(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    def intercept_unary_unary(self, continuation, client_call_details, request):
        return continuation(client_call_details, request)

    def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        return continuation(client_call_details, request_iterator)


def words(chat: Any) -> list[Any]:
    return [chat.Word(text="a"), chat.Word(text="b")]


async def test_every_arity_in_a_coroutine(chat: Any, peer: Any) -> None:
    assert (await chat.Say(peer, chat.Word(text="hi"), timeout=PATIENCE)).text == "hi!"
    replies = [
        phrase.text async for phrase in chat.Repeat(peer, chat.Word(text="x", times=3), timeout=PATIENCE)
    ]
    assert replies == ["x", "x", "x"]
    assert (await chat.Join(peer, words(chat), timeout=PATIENCE)).text == "a b"
    assert [phrase.text async for phrase in chat.Talk(peer, iter(words(chat)), timeout=PATIENCE)] == [
        "a?",
        "b?",
    ]
    call = await chat.Talk(peer, words(chat), timeout=PATIENCE)
    assert [phrase.text async for phrase in call] == ["a?", "b?"]
    assert await call.code() is grpc.StatusCode.OK


def test_every_arity_in_a_thread(chat: Any, target: str) -> None:
    for peer in target, grpc_bridge.insecure_channel(target), grpc.insecure_channel(target):
        assert chat.Say(peer, chat.Word(text="hi"), timeout=PATIENCE).text == "hi!"
        replies = chat.Repeat(peer, chat.Word(text="x", times=3), timeout=PATIENCE)
        assert [phrase.text for phrase in replies] == ["x", "x", "x"]
        assert chat.Join(peer, words(chat), timeout=PATIENCE).text == "a b"
        assert [phrase.text for phrase in chat.Talk(peer, set_like(words(chat)), timeout=PATIENCE)] == [
            "a?",
            "b?",
        ]


def set_like(items: list[Any]) -> Any:
    """An iterable that is neither an iterator nor a list."""
    return dict(enumerate(items)).values()


async def test_messages_one_at_a_time(chat: Any, target: str) -> None:
    call = await chat.Talk(target, timeout=PATIENCE)
    for text in "a", "b":
        await call.send(chat.Word(text=text))
        assert (await call.receive()).text == f"{text}?"
    await call.done_sending()
    with pytest.raises(grpc_bridge.EOF):
        await call.receive()

    joining = await chat.Join(target, timeout=PATIENCE)
    await joining.send(chat.Word(text="a"))
    await joining.done_sending()
    assert (await joining).text == "a"

    async with chat.Talk(target, timeout=PATIENCE) as inside:
        await inside.send(chat.Word(text="in"))
        assert (await inside.receive()).text == "in?"
    assert await inside.code() is grpc.StatusCode.CANCELLED


async def test_messages_one_at_a_time_without_awaiting_the_call(chat: Any, target: str) -> None:
    call = chat.Talk(target, timeout=PATIENCE)
    await call.send(chat.Word(text="a"))
    assert (await call.receive()).text == "a?"
    call.cancel()
    assert call.cancelled()


def test_messages_one_at_a_time_in_a_thread(chat: Any, target: str) -> None:
    call = chat.Talk(target, timeout=PATIENCE)
    for text in "a", "b":
        call.send(chat.Word(text=text))
        assert call.receive().text == f"{text}?"
    call.done_sending()
    with pytest.raises(grpc_bridge.EOF):
        call.receive()


async def test_a_wrong_message_is_refused_where_it_is_sent(chat: Any, target: str) -> None:
    call = await chat.Talk(target, timeout=PATIENCE)
    with pytest.raises(TypeError, match=r"^chat\.Chat\.Talk takes a chat\.Word message, not a chat\.Phrase "):
        await call.send(chat.Phrase())
    await call.send(chat.Word(text="a"))
    assert (await call.receive()).text == "a?"
    call.cancel()


async def test_with_call_and_future(chat: Any, target: str) -> None:
    reply, call = await chat.Say.with_call(target, chat.Word(text="hi"), timeout=PATIENCE)
    assert reply.text == "hi!"
    assert ("said", "hi") in tuple(await call.trailing_metadata())
    future = chat.Say.future(target, chat.Word(text="hi"), timeout=PATIENCE)
    assert (await future.result()).text == "hi!"

    def in_thread() -> tuple[Any, ...]:
        reply, call = chat.Say.with_call(target, chat.Word(text="hi"), timeout=PATIENCE)
        future = chat.Join.future(target, words(chat), timeout=PATIENCE)
        return reply.text, call.code(), future.result(PATIENCE).text

    assert in_plain_thread(in_thread) == ("hi!", grpc.StatusCode.OK, "a b")
    assert not hasattr(chat.Repeat, "future")


async def test_what_a_call_can_be_given(chat: Any, target: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        await chat.Say(target, chat.Word(text="wait"), timeout=0.05)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    reply = await chat.Say(
        target,
        chat.Word(text="hi"),
        timeout=PATIENCE,
        metadata=(("key", "value"),),
        wait_for_ready=True,
        compression=grpc.Compression.Gzip,
        options=[("grpc.max_receive_message_length", 100)],
    )
    assert reply.text == "hi!"
    small = [("grpc.max_receive_message_length", 100)]
    with pytest.raises(grpc.RpcError) as caught:
        await chat.Say(target, chat.Word(text="x" * 100), timeout=PATIENCE, options=small)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_an_error_is_a_stubs_error(chat: Any) -> None:
    class Silent(chat.ChatServicer):  # type: ignore[misc, name-defined]
        pass

    server = grpc_bridge.server()
    chat.add_ChatServicer_to_server(Silent(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await chat.Say(f"localhost:{port}", chat.Word(), timeout=PATIENCE)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert caught.value.details() == "Method not implemented!"
    finally:
        await server.stop(None)


async def test_a_forgotten_await_warns(chat: Any, target: str) -> None:
    with pytest.warns(UnawaitedCallWarning, match=r"/chat\.Chat/Say"):
        chat.Say(target, chat.Word())
    with pytest.warns(UnawaitedCallWarning, match=r"/chat\.Chat/Talk"):
        await chat.Talk(target)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (await chat.Talk(target)).cancel()


# ---- what is refused, at the call --------------------------------------------------------------------


async def test_a_wrong_request(chat: Any, target: str) -> None:
    def refused(method: Any, request: Any, message: str) -> None:
        with pytest.raises(TypeError) as caught:
            method(target, request)
        assert str(caught.value) == message

    one = "chat.Chat.Say takes a chat.Word message, not "
    many = "chat.Chat.Talk takes a stream of chat.Word messages: an iterable of them or an async one, not "
    refused(chat.Say, chat.Phrase(), f"{one}a chat.Phrase message")
    refused(chat.Say, {"text": "hi"}, f"{one}a dict")
    refused(chat.Say, None, f"{one}None")
    refused(chat.Say, [chat.Word()], f"{one}a list")
    refused(chat.Repeat, "hi", "chat.Chat.Repeat takes a chat.Word message, not a str")
    refused(chat.Talk, chat.Word(), f"{many}a chat.Word message")
    refused(chat.Talk, {"text": "hi"}, f"{many}a dict")
    refused(chat.Talk, 1, f"{many}an int")
    refused(chat.Talk, [chat.Word(), 1], "chat.Chat.Talk takes a chat.Word message, not an int")

    def in_thread() -> None:
        async def some() -> Any:
            yield chat.Word()

        refused(chat.Talk, some(), many.replace(" or an async one", "") + "an async_generator")
        refused(chat.Say, {}, f"{one}a dict")

    in_plain_thread(in_thread)


async def test_a_wrong_request_inside_a_stream_ends_the_call(
    chat: Any, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        await chat.Join(target, iter([chat.Word(), chat.Phrase()]), timeout=PATIENCE)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert (
        str(caught.value.__cause__) == "chat.Chat.Join takes a chat.Word message, not a chat.Phrase message"
    )
    assert "Exception serializing message!" in caplog.text


async def test_a_wrong_target(chat: Any) -> None:
    for wrong, name in ((50051, "an int"), (None, "None"), (("localhost", 50051), "a tuple")):
        with pytest.raises(TypeError, match=f"or with a channel, not with {name}$"):
            chat.Say(wrong, chat.Word())
    with pytest.raises(ValueError, match="the target is empty"):
        chat.Say("", chat.Word())


async def test_arguments_that_contradict_each_other(chat: Any, target: str) -> None:
    with pytest.raises(ValueError, match="give one of them"):
        chat.Say(target, chat.Word(), insecure=True, credentials=grpc.ssl_channel_credentials())
    with pytest.raises(TypeError, match=r"credentials are grpc\.ChannelCredentials, not a str"):
        chat.Say(target, chat.Word(), credentials="secret")
    channel = grpc_bridge.insecure_channel(target)
    for more in {"insecure": True}, {"credentials": grpc.ssl_channel_credentials()}, {"options": [("a", 1)]}:
        with pytest.raises(ValueError, match="a channel has its credentials and options already"):
            chat.Say(channel, chat.Word(), **more)


async def test_messages_of_generated_code_from_another_file_will_do(
    chat: Any, target: str, tmp_path: Any
) -> None:
    from .conftest import CHAT

    (tmp_path / "other.proto").write_text(CHAT)
    other = grpc_bridge.proto(tmp_path / "other.proto")
    assert other.Word is not chat.Word
    assert (await chat.Say(target, other.Word(text="hi"), timeout=PATIENCE)).text == "hi!"
    assert (await asyncio.wait_for(other.Say(target, chat.Word(text="hi")), PATIENCE)).text == "hi!"
