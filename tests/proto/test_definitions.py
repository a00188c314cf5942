"""What `proto()` gives: names, their representation, and the same object while the file is the same."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import threading
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest

import grpc_bridge

from ..conftest import PATIENCE
from .conftest import CHAT

HEAD = 'syntax = "proto3";\n'


def test_messages_enums_services_and_methods_are_names(chat: Any) -> None:
    word = chat.Word(text="hi", mood=chat.MERRY)
    assert chat.Word.FromString(word.SerializeToString()) == word
    assert chat.Word.Part(letter="x").letter == "x"
    assert (chat.MERRY, chat.Mood.Name(1), chat.Mood.Value("CALM")) == (1, "MERRY", 0)
    assert chat.Say.__name__ == "Say"
    assert chat.Chat.Say is chat.Say
    assert chat.DESCRIPTOR.package == "chat"
    assert chat.Chat.DESCRIPTOR.full_name == "chat.Chat"


def test_dir_and_repr_tell_what_there_is(chat: Any) -> None:
    generated = ["Chat", "ChatServicer", "ChatStub", "add_ChatServicer_to_server"]
    defined = ["CALM", "MERRY", "Mood", "Phrase", "Word", "Join", "Repeat", "Say", "Talk"]
    assert dir(chat) == sorted([*generated, *defined])
    assert dir(chat.Chat) == ["Join", "Repeat", "Say", "Talk"]
    assert repr(chat) == "<protos of chat.proto: services Chat; messages Phrase, Word>"
    assert repr(chat.Chat) == "<service chat.Chat: Join, Repeat, Say, Talk>"
    assert repr(chat.Say) == "<method chat.Chat.Say(chat.Word) -> chat.Phrase>"
    assert repr(chat.Talk) == "<method chat.Chat.Talk(stream chat.Word) -> stream chat.Phrase>"


def test_a_name_that_is_not_there(chat: Any) -> None:
    with pytest.raises(AttributeError, match=r"chat\.proto defines no 'Shout'"):
        chat.Shout  # noqa: B018
    with pytest.raises(AttributeError, match=r"the service chat\.Chat has no method 'Shout'"):
        chat.Chat.Shout  # noqa: B018
    assert copy.copy(chat).Word is chat.Word


def test_a_name_of_two_services_is_reached_through_the_service(tmp_path: Path) -> None:
    path = tmp_path / "pair.proto"
    path.write_text(
        HEAD + "package pair; message M {} message Alone {}\n"
        "service A { rpc Go(M) returns (M); rpc Alone(M) returns (M); } service B { rpc Go(M) returns (M); }"
    )
    protos = grpc_bridge.proto(path)
    with pytest.raises(
        AttributeError, match=r"^Go is a method of several services: call it as \.A\.Go or \.B\.Go$"
    ):
        protos.Go  # noqa: B018
    assert (protos.A.Go.__qualname__, protos.B.Go.__qualname__) == ("pair.A.Go", "pair.B.Go")
    assert "Go" not in dir(protos)
    assert isinstance(protos.Alone(), protos.Alone)
    assert protos.A.Alone.__qualname__ == "pair.A.Alone"


def test_public_imports_and_nothing_else_are_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "shown.proto").write_text(HEAD + "package imp; message Shown {}")
    (tmp_path / "used.proto").write_text(HEAD + "package imp; message Used {}")
    (tmp_path / "main.proto").write_text(
        HEAD + "package imp;\n"
        'import public "shown.proto"; import "used.proto"; import "google/protobuf/any.proto";\n'
        "message Main { Used used = 1; google.protobuf.Any any = 2; }\n"
        "service S { rpc Go(Used) returns (Shown); }\n"
    )
    protos = grpc_bridge.proto(tmp_path / "main.proto")
    assert dir(protos) == ["Go", "Main", "S", "SServicer", "SStub", "Shown", "add_SServicer_to_server"]
    from google.protobuf import any_pb2

    message = protos.Main(any=any_pb2.Any(type_url="a"))
    assert message.any.type_url == "a"


def test_a_relative_path_is_looked_up_as_an_import_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "common.proto").write_text(HEAD + "package rel; message Common {}")
    (tmp_path / "here" / "top.proto").write_text(
        HEAD + 'package rel; import "here/common.proto"; message Top { Common c = 1; }'
    )
    assert grpc_bridge.proto("here/top.proto", include=[tmp_path]).DESCRIPTOR.name == "here/top.proto"
    monkeypatch.chdir(tmp_path)
    assert grpc_bridge.proto("./here/top.proto").DESCRIPTOR.name == "here/top.proto"
    monkeypatch.chdir(tmp_path / "here")
    assert grpc_bridge.proto(Path("../here/common.proto")).DESCRIPTOR.name == "common.proto"
    monkeypatch.chdir("/")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert grpc_bridge.proto("here/common.proto").DESCRIPTOR.name == "here/common.proto"


def test_the_same_object_until_a_file_changes(tmp_path: Path) -> None:
    (tmp_path / "part.proto").write_text(HEAD + "package same; message Part {}")
    path = tmp_path / "whole.proto"
    path.write_text(HEAD + 'package same; import "part.proto"; message Whole { Part part = 1; }')
    first = grpc_bridge.proto(path)
    assert grpc_bridge.proto(str(path)) is first
    (tmp_path / "part.proto").write_text(HEAD + "package same; message Part { int32 new = 1; }")
    second = grpc_bridge.proto(path)
    assert second is not first
    assert second.Whole(part={"new": 1}).part.new == 1
    assert grpc_bridge.proto(path) is second
    assert not hasattr(first.Whole().part, "new")


def test_two_files_of_one_name_live_side_by_side(tmp_path: Path) -> None:
    made = []
    for folder, field in ("one", "first"), ("two", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twin.proto").write_text(
            HEAD + f"package twin; message Twin {{ int32 {field} = 1; }}"
        )
        made.append(grpc_bridge.proto(tmp_path / folder / "twin.proto"))
    assert made[0].Twin(first=1).first == made[1].Twin(second=1).second == 1


OTHER_FILE_OF_THAT_NAME = """
from google.protobuf.internal import api_implementation
import grpc_bridge

one, two = (grpc_bridge.proto("twin.proto", include=[folder]) for folder in ("one", "two"))
print(api_implementation.Type(), one.Twin(first=1).first, two.Twin(second=2).second)
"""


@pytest.mark.parametrize("implementation", ["python", "upb"])
def test_that_holds_for_every_implementation_of_protobuf(implementation: str, tmp_path: Path) -> None:
    for folder, field in ("one", "first"), ("two", "second"):
        (tmp_path / folder).mkdir()
        text = f"package twin; message Twin {{ int32 {field} = 1; }}"
        (tmp_path / folder / "twin.proto").write_text(HEAD + text)
    ended = python(OTHER_FILE_OF_THAT_NAME, tmp_path, PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=implementation)
    assert ended == (f"{implementation} 1 2\n", "")


def python(program: str, folder: Path, **environment: str) -> tuple[str, str]:
    """What a program writes to its stdout and stderr."""
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(folder)])
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return ended.stdout, ended.stderr


def test_generated_code_and_proto_share_their_classes(tmp_path: Path) -> None:
    (tmp_path / "shared.proto").write_text(CHAT.replace("package chat", "package shared"))
    program = """
import sys
import grpc_bridge
from grpc_bridge.protoc.__main__ import main
assert main(["-I.", "--python_out=.", "shared.proto"]) == 0
protos = grpc_bridge.proto("shared.proto")
import shared_pb2
print(shared_pb2.Word is protos.Word)
"""
    assert python(program, tmp_path) == ("True\n", "")


def test_many_threads_get_the_same_object(tmp_path: Path) -> None:
    path = tmp_path / "threads.proto"
    path.write_text(CHAT.replace("package chat", "package threads"))
    ready = threading.Barrier(8)

    def compile_at_once(_: int) -> Any:
        ready.wait(PATIENCE)
        return grpc_bridge.proto(path)

    with futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(compile_at_once, range(8)))
    assert len(set(map(id, made))) == 1


def test_extensions_are_names(tmp_path: Path) -> None:
    (tmp_path / "noted.proto").write_text(
        HEAD + 'package noted; import "google/protobuf/descriptor.proto"; message M {}\n'
        "extend google.protobuf.MethodOptions { string note = 50001; }\n"
        'service S { rpc Go(M) returns (M) { option (note) = "slow"; } }\n'
    )
    protos = grpc_bridge.proto(tmp_path / "noted.proto")
    assert protos.Go.DESCRIPTOR.GetOptions().Extensions[protos.note] == "slow"


FAULTS = {
    "message Ask {\n  string text = ;\n}\n": "faulty.proto:3:17: Expected field number.",
    "message Ask { Nothing n = 1; }\n": 'faulty.proto:2:15: "Nothing" is not defined.',
    'import "nowhere.proto";\n': "nowhere.proto: File not found.\n"
    'faulty.proto:2:1: Import "nowhere.proto" was not found or had errors.',
}


@pytest.mark.parametrize("body", FAULTS)
def test_a_file_that_does_not_compile_raises_with_protocs_message(body: str, tmp_path: Path) -> None:
    (tmp_path / "faulty.proto").write_text(HEAD + body)
    with pytest.raises(grpc_bridge.ProtoError) as caught:
        grpc_bridge.proto(tmp_path / "faulty.proto")
    assert str(caught.value) == FAULTS[body]
    # Once mended, it compiles.
    (tmp_path / "faulty.proto").write_text(HEAD + f"package mended{len(body)};")
    assert repr(grpc_bridge.proto(tmp_path / "faulty.proto")) == "<protos of faulty.proto: nothing>"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"there is no nowhere\.proto in any of the folders.*/include"
    ):
        grpc_bridge.proto("nowhere.proto", include=[tmp_path / "include"])
    with pytest.raises(FileNotFoundError, match=r"there is no file /.*/nowhere\.proto"):
        grpc_bridge.proto(tmp_path / "nowhere.proto")


def test_include_is_a_collection() -> None:
    with pytest.raises(TypeError, match=r"include=\['protos'\]"):
        grpc_bridge.proto("chat.proto", include="protos")


def test_without_grpcio_tools_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "untouched.proto").write_text(HEAD)
    monkeypatch.setitem(sys.modules, "grpc_tools", None)
    with pytest.raises(ImportError, match="pip install grpcio-tools"):
        grpc_bridge.proto(tmp_path / "untouched.proto")
