"""Annotations of what becomes asynchronous, in every spelling, and the imports that they need."""

from __future__ import annotations

import pytest

from .tool import rewritten, run

LOOP = "    for x in stub.Many(1):\n        yield x\n"
STUB = "from greet_pb2_grpc import GreeterStub\n\n\n"


@pytest.mark.parametrize(
    ("imports", "said", "imports_after", "said_after"),
    [
        (
            "from collections.abc import Iterator",
            "Iterator[int]",
            "from collections.abc import AsyncIterator",
            "AsyncIterator[int]",
        ),
        (
            "from typing import Any, Iterable, Optional",
            "Optional[Iterable[Any]]",
            "from typing import Any, AsyncIterable, Optional",
            "Optional[AsyncIterable[Any]]",
        ),
        (
            "from typing import Generator",
            "Generator[int, None, None]",
            "from typing import AsyncGenerator",
            "AsyncGenerator[int, None]",
        ),
        (
            "import typing as t",
            "t.Generator[int, int, str] | None",
            "import typing as t",
            "t.AsyncGenerator[int, int] | None",
        ),
        (
            "import collections.abc",
            "collections.abc.Iterator",
            "import collections.abc",
            "collections.abc.AsyncIterator",
        ),
        (
            "from collections import abc",
            "abc.Iterator[int]",
            "from collections import abc",
            "abc.AsyncIterator[int]",
        ),
        (
            "from typing import Generator",
            "'Generator[int, None, None]'",
            "from typing import AsyncGenerator",
            "'AsyncGenerator[int, None]'",
        ),
        (
            "from typing import (\n    Any,\n    Iterator,\n)",
            "Iterator[Any]",
            "from typing import (\n    Any,\n    AsyncIterator,\n)",
            "AsyncIterator[Any]",
        ),
    ],
)
def test_what_an_asynchronous_generator_returns(
    imports: str, said: str, imports_after: str, said_after: str
) -> None:
    rewritten(
        f"{imports}\n\n{STUB}def watch(stub: GreeterStub) -> {said}:\n{LOOP}",
        f"{imports_after}\n\n{STUB}async def watch(stub: GreeterStub) -> {said_after}:\n"
        + LOOP.replace("for", "async for"),
    )


@pytest.mark.parametrize(
    "head", ["(stub):  # type: (GreeterStub) -> {}\n", "(stub):\n    # type: (GreeterStub) -> {}\n"]
)
def test_type_comments(head: str) -> None:
    register = "\n\ndef use(stub: GreeterStub):\n    return list(watch(stub))\n"
    after = register.replace("def", "async def").replace(
        "list(watch(stub))", "[item async for item in watch(stub)]"
    )
    rewritten(
        f"from typing import Iterator\n\n{STUB}def watch{head.format('Iterator[int]')}{LOOP}{register}",
        f"from typing import AsyncIterator\n\n{STUB}async def watch{head.format('AsyncIterator[int]')}"
        + LOOP.replace("for", "async for")
        + after,
    )


def test_an_import_that_is_used_elsewhere_stays() -> None:
    other = "\n\ndef count(xs: Iterator[int]) -> int:\n    return len(list(xs))\n"
    rewritten(
        f"from typing import Iterator\n\n{STUB}def watch(stub: GreeterStub) -> Iterator[int]:\n{LOOP}{other}",
        f"from typing import AsyncIterator, Iterator\n\n{STUB}"
        "async def watch(stub: GreeterStub) -> AsyncIterator[int]:\n"
        f"{LOOP.replace('for', 'async for')}{other}",
    )


def test_parameters() -> None:
    before = f"""\
from collections.abc import Callable, Iterable

{STUB}def show(replies: Iterable[int], render: Callable[[int], str]):
    for reply in replies:
        print(render(reply))


def use(stub: GreeterStub):
    def render(x: int) -> str:
        return stub.Hi(x)

    show(stub.Many(1), render)
"""
    after = before.replace("    def render", "    async def render").replace("\ndef ", "\nasync def ")
    after = after.replace("return stub.Hi", "return await stub.Hi")
    after = after.replace("Callable, Iterable", "AsyncIterable, Awaitable, Callable")
    after = after.replace(": Iterable[", ": AsyncIterable[").replace("[int], str]", "[int], Awaitable[str]]")
    after = after.replace("for reply", "async for reply").replace("print(render", "print(await render")
    rewritten(before, after.replace("    show(", "    await show("))


@pytest.mark.parametrize(
    ("home", "kind", "after"),
    [
        ("typing", "ContextManager", "AsyncContextManager"),
        ("contextlib", "AbstractContextManager", "AbstractAsyncContextManager"),
    ],
)
def test_context_managers(home: str, kind: str, after: str) -> None:
    before = f"""\
import contextlib
from {home} import {kind}

import grpc

from greet_pb2_grpc import GreeterStub


@contextlib.contextmanager
def connected(target: str):
    with grpc.insecure_channel(target) as channel:
        yield GreeterStub(channel)


def connect(target: str) -> {kind}[GreeterStub]:
    return connected(target)


def other(lock: {kind}[None]) -> None:
    with lock:
        pass


def ask(connection: {kind}[GreeterStub]) -> None:
    with connection as stub:
        stub.Hi(1)


def main() -> None:
    ask(connect("x"))
"""
    _, got = run(before)
    text = got["app.py"]
    assert f"def connect(target: str) -> {after}[GreeterStub]:\n    return connected(target)\n" in text
    assert (
        f"async def ask(connection: {after}[GreeterStub]) -> None:\n    async with connection as stub:\n"
        in text
    )
    assert f"def other(lock: {kind}[None]) -> None:\n    with lock:\n" in text
    assert f"from {home} import {after}, {kind}\n" in text


def test_a_function_that_returns_one_that_awaits() -> None:
    _, got = run(
        f"from typing import Callable\n\n{STUB}def asker(stub: GreeterStub) -> Callable[[int], str]:\n"
        "    def ask(n: int) -> str:\n        return stub.Hi(n)\n\n    return ask\n\n\n"
        "def main(stub: GreeterStub):\n    return asker(stub)(1)\n\n\n"
        "def plain() -> Callable[[int], str]:\n    return str\n"
    )
    assert (
        "def asker(stub: GreeterStub) -> Callable[[int], Awaitable[str]]:\n    async def ask" in got["app.py"]
    )
    assert "    return await asker(stub)(1)\n" in got["app.py"]
    assert "def plain() -> Callable[[int], str]:" in got["app.py"]


def test_a_plain_function_that_hands_a_stream_on() -> None:
    rewritten(
        f"from typing import Iterator\n\n{STUB}def watch(stub: GreeterStub) -> Iterator[int]:\n"
        "    return stub.Many(1)\n\n\n"
        "def use(stub: GreeterStub):\n    for x in watch(stub):\n        print(x)\n",
        f"from typing import AsyncIterator\n\n{STUB}def watch(stub: GreeterStub) -> AsyncIterator[int]:\n"
        "    return stub.Many(1)\n\n\n"
        "async def use(stub: GreeterStub):\n    async for x in watch(stub):\n        print(x)\n",
    )


def test_other_annotations_stay() -> None:
    rest = "\n\ndef other(xs: Iterator[int], f: Callable[[], int]) -> Iterator[int]:\n"
    rest += "    yield from xs\n    yield f()\n"
    before = f"from typing import Callable, Iterator\n\n{STUB}"
    rewritten(
        f"{before}def use(stub: GreeterStub, xs: Iterator[int]) -> int:\n"
        f"    return stub.Hi(list(xs))\n{rest}",
        f"{before}async def use(stub: GreeterStub, xs: Iterator[int]) -> int:\n"
        f"    return await stub.Hi(list(xs))\n{rest}",
    )
