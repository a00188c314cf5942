"""`--style send-receive`: what is rewritten, what is left and said, and that it runs."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import grpc_bridge
from grpc_bridge.codemod.options import Options
from grpc_bridge.codemod.runner import migrate

from .tool import generated, rules

TALK = """\
import queue

import grpc_bridge as grpc
from greet_pb2_grpc import GreeterStub


def talk(stub: GreeterStub):
    requests = queue.Queue()
    replies = stub.Chat(iter(requests.get, None), timeout=20)
    requests.put(b"1")
    first = next(replies)
    requests.put(first + b"2")
    second = next(replies)
    requests.put(None)
    try:
        third = next(replies)
    except StopIteration:
        third = None
    return first, second, third
"""
AFTER = """\
import grpc_bridge as grpc
from greet_pb2_grpc import GreeterStub


async def talk(stub: GreeterStub):
    replies = stub.Chat(timeout=20)
    await replies.send(b"1")
    first = await replies.receive()
    await replies.send(first + b"2")
    second = await replies.receive()
    await replies.done_sending()
    try:
        third = await replies.receive()
    except grpc.EOF:
        third = None
    return first, second, third
"""
HEAD = "import queue\n\nfrom greet_pb2_grpc import GreeterStub\n\n\ndef use(stub: GreeterStub):\n"


def run(source: str) -> tuple[str, list[str]]:
    """The text that comes out, and the rules of what a person is told; a second run does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "greet_pb2_grpc.py").write_text(generated())
        (root / "app.py").write_text(source)
        result = migrate([root], Options(style="send-receive"))
        assert result.failed == []
        after = result.changed.get(root / "app.py", source)
        (root / "app.py").write_text(after)
        assert migrate([root], Options(style="send-receive")).changed == {}
        return after, rules(result)


def test_send_and_receive() -> None:
    assert run(TALK) == (AFTER, [])


def test_what_is_only_iterated_is_iterated() -> None:
    after, told = run(
        HEAD
        + "    q = queue.SimpleQueue()\n    call = stub.Chat(iter(q.get, None))\n    for n in range(3):\n"
        "        q.put(n)\n    q.put(None)\n    for reply in call:\n        print(reply)\n"
    )
    assert told == []
    assert (
        "        await call.send(n)\n    await call.done_sending()\n    async for reply in call:\n" in after
    )


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("for x in stub.Chat(iter([1])):\n        print(x)", "do not come from a queue"),
        (
            "q = queue.Queue()\n    q.put(1)\n    call = stub.Chat(iter(q.get, None))\n    print(next(call))",
            "before",
        ),
        (
            "q = queue.Queue()\n    call = stub.Chat(iter(q.get, None))\n    print(q, next(call))",
            "goes elsewhere",
        ),
        (
            "q = queue.Queue()  # why\n    call = stub.Chat(iter(q.get, None))\n    print(next(call))",
            "a comment stands",
        ),
        (
            "q = queue.Queue()\n    while True:\n        call = stub.Chat(iter(q.get, None))\n"
            "        q.put(1)\n        print(next(call))",
            "several times",
        ),
        (
            "q = queue.Queue()\n    call = stub.Chat(iter(q.get, None))\n    q.put(1, timeout=3)\n"
            "    print(next(call))",
            "something else",
        ),
    ],
)
def test_elsewhere_the_iterator_stays_and_is_told_of(body: str, why: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "greet_pb2_grpc.py").write_text(generated())
        (root / "app.py").write_text(f"{HEAD}    {body}\n")
        result = migrate([root], Options(style="send-receive"))
        (told,) = (finding for finding in result.findings if finding.rule == "GB801")
        assert why in told.message
        assert ".send(" not in result.changed[root / "app.py"]


def test_the_usual_style_knows_nothing_of_it() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "greet_pb2_grpc.py").write_text(generated())
        (root / "app.py").write_text(TALK)
        result = migrate([root])
        wanted = "stub.Chat(asyncstdlib.iter(requests.get, None), timeout=20)"
        assert wanted in result.changed[root / "app.py"]
        assert rules(result) == []


class Stub:
    """The generated stub, without the generated messages."""

    def __init__(self, channel: Any) -> None:
        self.Chat = channel.stream_stream("/greet.Greeter/Chat")


def echo(requests: Iterator[bytes], _: Any) -> Iterator[bytes]:
    for request in requests:
        yield request + b"!"


def test_before_and_after_do_the_same() -> None:
    handlers = {"Chat": grpc_bridge.stream_stream_rpc_method_handler(echo)}
    server = grpc_bridge.server(ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers([grpc_bridge.method_handlers_generic_handler("greet.Greeter", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc_bridge.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = Stub(channel)
            before, after = (function(source) for source in (TALK, run(TALK)[0]))
            assert before(stub) == (b"1!", b"1!2!", None)
            assert asyncio.run(after(stub)) == (b"1!", b"1!2!", None)
    finally:
        server.stop(None).wait(20)


def function(source: str) -> Any:
    space: dict[str, Any] = {}
    exec(source.replace("from greet_pb2_grpc import GreeterStub", "GreeterStub = object"), space)
    return space["talk"]
