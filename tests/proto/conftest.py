"""A service that is known by its .proto file only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import grpc_bridge

from ..conftest import LOOPBACK, PATIENCE, in_plain_thread

CHAT = """\
syntax = "proto3";

package chat;

enum Mood { CALM = 0; MERRY = 1; }

message Word {
  string text = 1;
  int32 times = 2;
  Mood mood = 3;
  message Part { string letter = 1; }
}

message Phrase { string text = 1; }

service Chat {
  rpc Say(Word) returns (Phrase);
  rpc Repeat(Word) returns (stream Phrase);
  rpc Join(stream Word) returns (Phrase);
  rpc Talk(stream Word) returns (stream Phrase);
}
"""


@pytest.fixture(autouse=True)
def _quiet_loops(quiet_loops: None) -> None:
    pass


@pytest.fixture(scope="session")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The file's protos."""
    path: Path = tmp_path_factory.mktemp("protos") / "chat.proto"
    path.write_text(CHAT)
    return grpc_bridge.proto(path)


def chat_server(chat: Any) -> tuple[Any, int]:
    """A server of it in coroutines; it and its port."""

    class Servicer(chat.ChatServicer):  # type: ignore[misc, name-defined]
        async def Say(self, request, context):
            context.set_trailing_metadata((("said", request.text or "nothing"),))
            if request.text == "wait":
                await asyncio.sleep(PATIENCE)
            return chat.Phrase(text=f"{request.text}!")

        async def Repeat(self, request, context):
            for _ in range(request.times):
                yield chat.Phrase(text=request.text)

        async def Join(self, request_iterator, context):
            return chat.Phrase(text=" ".join([word.text async for word in request_iterator]))

        async def Talk(self, request_iterator, context):
            async for word in request_iterator:
                yield chat.Phrase(text=f"{word.text}?")

    server = grpc_bridge.server()
    chat.add_ChatServicer_to_server(Servicer(), server)
    port = server.add_insecure_port(LOOPBACK)
    server.start()
    return server, port


@pytest.fixture
def target(chat: Any) -> Iterator[str]:
    """Where it is served."""
    server, port = in_plain_thread(chat_server, chat)
    yield f"127.0.0.1:{port}"
    assert server.stop(None).wait(PATIENCE)
