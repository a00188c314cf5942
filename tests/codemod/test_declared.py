"""Methods without a body that stand for generators, and calls of what is not known."""

from __future__ import annotations

import pytest

from .tool import migrated, rewritten, rules, run, unchanged

DECLARED = """
from abc import ABC, abstractmethod
from typing import AsyncIterator, Protocol

from greet_pb2_grpc import GreeterStub


class Asks(Protocol):
    def watch(self, n: int) -> AsyncIterator[str]: ...


class Base(ABC):
    @abstractmethod
    def watch(self, n: int) -> AsyncIterator[str]:
        "Watch."


class Plain:
    def watch(self, n):
        raise NotImplementedError


class Client(Base, Plain):
    def __init__(self, stub: GreeterStub):
        self.stub = stub

    async def watch(self, n: int) -> AsyncIterator[str]:
        async for reply in self.stub.Many(n):
            yield reply


async def first(asks: Asks) -> str:
    async for reply in asks.watch(1):
        return reply
    return ""


async def second(base: Base) -> str:
    return await anext(base.watch(2))


async def third(base: Plain) -> list:
    return [reply async for reply in base.watch(3)]


async def main(stub: GreeterStub):
    client = Client(stub)
    print(await first(client), await second(client), await third(client))
"""


def test_what_declares_a_generator() -> None:
    """It is read as what overrides it; the declaration itself is no coroutine function."""
    assert migrated(DECLARED) == []


def test_what_declares_more_than_generators() -> None:
    """One that returns a list is none: who reads either stays sync."""
    source = """
    from abc import ABC, abstractmethod

    from greet_pb2_grpc import GreeterStub


    class Base(ABC):
        @abstractmethod
        def watch(self, n): ...


    class Client(Base):
        def __init__(self, stub: GreeterStub):
            self.stub = stub

        def watch(self, n):
            for reply in self.stub.Many(n):
                yield reply


    class Fake(Base):
        def watch(self, n):
            return [n]


    def main(base: Base):
        for reply in base.watch(1):
            print(reply)


    main(Client(GreeterStub(None)))
    main(Fake())
    """
    assert "GB706" in unchanged(source)


UNKNOWN = """
import plugin

from greet_pb2_grpc import GreeterStub


class Client:
    def __init__(self, stub: GreeterStub):
        self.stub = stub

    {a}def fetch_price(self, name):
        return {w}self.stub.Hi(name)

    {a}def close(self):
        {w}self.stub.Hi(0)


def show(client):
    print({call})
    client.close()


{a}def main(stub: GreeterStub):
    client = Client(stub)
    {w}client.fetch_price("x")
    {w}client.close()
    plugin.register(show)
"""


def test_a_call_of_something_unknown_by_the_name_of_a_coroutine() -> None:
    """A person is told, and has to decide; names that everything has are passed over."""
    result, got = run(UNKNOWN.format(a="", w="", call='client.fetch_price("tea")'))
    assert got["app.py"] == UNKNOWN.format(a="async ", w="await ", call='client.fetch_price("tea")').lstrip()
    (found,) = [finding for finding in result.findings if finding.kind == "cut"]
    assert (found.rule, found.line, found.decide) == ("GB722", 18, True)
    assert "this may call Client.fetch_price, a coroutine now" in found.message


@pytest.mark.parametrize("call", ["client.fetch_other()", "plugin.fetch_price(1)", "[].fetch_price(1)"])
def test_calls_that_are_of_something_else(call: str) -> None:
    sources = UNKNOWN.format(a="", w="", call=call)
    assert rewritten(sources, UNKNOWN.format(a="async ", w="await ", call=call)) == []
    assert "GB722" not in rules(run(sources)[0])
