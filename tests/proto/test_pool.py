"""Channels behind targets: shared, let go of when idle, and at home in forks, loops and interpreter exits."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from grpc_bridge import _pool
from grpc_bridge._pool import ChannelPool

from ..conftest import PATIENCE, in_plain_thread, until

FOREVER = 3600.0


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChannelPool]:
    """A pool of the test's own in place of the process's; its channels stay."""
    pool = use(monkeypatch, ChannelPool(FOREVER, 256))
    yield pool
    pool.close()


def use(monkeypatch: pytest.MonkeyPatch, pool: ChannelPool) -> ChannelPool:
    monkeypatch.setattr(_pool, "shared", pool)
    return pool


async def test_calls_share_a_channel_if_they_ask_for_the_same(
    chat: Any, target: str, pool: ChannelPool
) -> None:
    for _ in range(3):
        await chat.Say(target, chat.Word(), timeout=PATIENCE)
        await chat.Join(target, [], timeout=PATIENCE)
        in_plain_thread(lambda: chat.Say(target, chat.Word(), timeout=PATIENCE))
    assert len(pool) == 1
    await chat.Say(target, chat.Word(), timeout=PATIENCE, insecure=True)
    assert len(pool) == 1
    await chat.Say(target, chat.Word(), timeout=PATIENCE, options=[("grpc.max_receive_message_length", 99)])
    assert len(pool) == 2
    for _ in range(2):
        chat.Say.future(target, chat.Word(), insecure=False).cancel()
    assert len(pool) == 3
    own = grpc.ssl_channel_credentials()
    chat.Say.future(target, chat.Word(), credentials=own).cancel()
    assert len(pool) == 4


def test_loop_after_loop_goes_through_one_channel(chat: Any, target: str, pool: ChannelPool) -> None:
    async def say() -> str:
        text: str = (await chat.Say(target, chat.Word(text="hi"), timeout=PATIENCE)).text
        return text

    for _ in range(20):
        assert asyncio.run(say()) == "hi!"
    assert len(pool) == 1


async def test_an_idle_channel_is_let_go_of(chat: Any, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = use(monkeypatch, ChannelPool(0.01, 256))
    channel = weakref.ref(pool.channel(target, None))
    await chat.Say(target, chat.Word(), timeout=PATIENCE)
    await until(lambda: len(pool) == 0)
    await until(lambda: gc.collect() is not None and channel() is None)
    assert (await chat.Say(target, chat.Word(text="again"), timeout=PATIENCE)).text == "again!"


async def test_a_stream_outlives_its_channels_place_in_the_pool(
    chat: Any, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = use(monkeypatch, ChannelPool(0.01, 256))
    call = await chat.Talk(target, timeout=PATIENCE)
    await until(lambda: len(pool) == 0)
    gc.collect()
    for text in "a", "b":
        await call.write(chat.Word(text=text))
        assert (await call.read()).text == f"{text}?"
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


def test_a_stream_in_a_thread_outlives_it_too(
    chat: Any, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = use(monkeypatch, ChannelPool(0.01, 256))

    def words() -> Iterator[Any]:
        for text in "a", "b":
            asyncio.run(asyncio.wait_for(until(lambda: len(pool) == 0), PATIENCE))
            gc.collect()
            yield chat.Word(text=text)

    assert [phrase.text for phrase in chat.Talk(target, words(), timeout=PATIENCE)] == ["a?", "b?"]


def test_closing_cancels_what_is_in_flight(chat: Any, target: str, pool: ChannelPool) -> None:
    async def close_below() -> Any:
        call = chat.Say.future(target, chat.Word(text="wait"), timeout=PATIENCE)
        await asyncio.to_thread(pool.close)
        return await call.code()

    assert asyncio.run(asyncio.wait_for(close_below(), PATIENCE)) is grpc.StatusCode.CANCELLED
    assert len(pool) == 0


def say_in_child(chat: Any, target: str) -> None:
    reply = chat.Say(target, chat.Word(text="child"), timeout=PATIENCE)
    later = asyncio.run(say_later(chat, target))
    os._exit(0 if (reply.text, later) == ("child!", "later!") else 1)


async def say_later(chat: Any, target: str) -> str:
    text: str = (await chat.Say(target, chat.Word(text="later"), timeout=PATIENCE)).text
    return text


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_calls_through_channels_of_its_own(chat: Any, target: str, pool: ChannelPool) -> None:
    assert asyncio.run(say_later(chat, target)) == "later!"
    chat.Say(target, chat.Word(), timeout=PATIENCE)
    child = multiprocessing.get_context("fork").Process(target=say_in_child, args=(chat, target))
    child.start()
    child.join(PATIENCE)
    assert child.exitcode == 0
    assert asyncio.run(say_later(chat, target)) == "later!"
    assert len(pool) == 1


PROGRAM = """
import asyncio
import grpc_bridge
from grpc_bridge import _pool

chat = grpc_bridge.proto({path!r})

async def main():
    global call
    await chat.Say({target!r}, chat.Word(), timeout=30)
    call = await chat.Talk({target!r})

chat.Say({target!r}, chat.Word(), timeout=30)
stream = chat.Talk({target!r}, iter([chat.Word()]))
next(stream)
asyncio.run(main())
pool = _pool.shared
print(pool._idle_seconds, pool._maximum, len(pool))
"""


def test_an_interpreter_ends_in_silence_with_the_settings_of_grpcios_pool(
    target: str, tmp_path: Path
) -> None:
    from .conftest import CHAT

    path = tmp_path / "chat.proto"
    path.write_text(CHAT)
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", PROGRAM.format(path=str(path), target=target)],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "GRPC_PYTHON_MANAGED_CHANNEL_EVICTION_SECONDS": "7.5",
            "GRPC_PYTHON_MANAGED_CHANNEL_MAXIMUM": "3",
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "7.5 3 1\n", "")
