"""The group *Sync/async generators and wrappers*: what other tools between the two colours get wrong.

Threads, events, locks, queues and executors that become asyncio's are in tests/codemod/test_primitives.py,
and run in tests/corpus.
"""

from __future__ import annotations

import asyncio
import gc
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import grpc_bridge
from grpc_bridge.codemod.cli import main

from ..codemod.tool import generated, migrated, rewritten, run, swapped
from ..conftest import Start, stub_of
from ..protos.exchange_pb2 import Request

# A list of what stays sync (qdrant-client's generator made upload_points asynchronous, which had to be sync)

CLIENT = """\
import grpc

from greet_pb2_grpc import GreeterStub


class Client:
    def __init__(self, stub: GreeterStub):
        self.stub = stub

    def upload_points(self, points):
        return [self.stub.Hi(point) for point in points]

    def search(self, text):
        return self.stub.Hi(text)
"""


def test_keep_sync_in_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    (tmp_path / "client.py").write_text(CLIENT)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.grpc_bridge]\nkeep_sync = ["client.Client.upload_points"]\n'
    )
    monkeypatch.chdir(tmp_path)
    assert main(["--no-cache", "client.py"]) == 0
    after = swapped(CLIENT).replace("def search", "async def search")
    assert (tmp_path / "client.py").read_text() == after.replace("return self.stub", "return await self.stub")


# IO in sync code on the loop fails where it is, and names what has to change (SQLAlchemy's MissingGreenlet)


@pytest.fixture
async def stub(grpcio_server: Start) -> AsyncIterator[Any]:
    async with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        yield stub_of(channel)
        # The errors hold on to the calls, which warn when they go.
        gc.collect()


def text_of(stub: Any) -> Any:
    return stub.Ask(Request(text="hi")).text


def texts_of(stub: Any) -> Any:
    return [reply.text for reply in stub.Watch(Request(number=2))]


def crossing(stub: Any) -> Any:
    return grpc_bridge.run(stub.Ask(Request(text="hi")))


def report(stub: Any, read: Callable[[Any], Any]) -> Any:
    return [read(each) for each in [stub]]


async def page(stub: Any, read: Callable[[Any], Any]) -> Any:
    return report(stub, read)


@pytest.mark.parametrize(
    ("read", "error"), [(text_of, AttributeError), (texts_of, TypeError), (crossing, RuntimeError)]
)
@pytest.mark.filterwarnings("ignore::grpc_bridge.UnawaitedCallWarning")
async def test_the_outermost_sync_function_is_named(
    stub: Any, read: Callable[[Any], Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        await page(stub, read)
    place = f"{__file__}:{report.__code__.co_firstlineno}"
    assert str(caught.value).endswith(
        f"; the function that has to become a coroutine is report ({place}), which the coroutine page calls"
    )


@pytest.mark.filterwarnings("ignore::grpc_bridge.UnawaitedCallWarning")
async def test_so_is_what_the_loop_calls_back(stub: Any) -> None:
    failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def called_back() -> None:
        try:
            text_of(stub)
        except AttributeError as error:
            failed.set_result(error)

    asyncio.get_running_loop().call_soon(called_back)
    assert "is called_back (" in str(await failed)


@pytest.mark.filterwarnings("ignore::grpc_bridge.UnawaitedCallWarning")
async def test_a_coroutine_itself_is_told_to_await(stub: Any) -> None:
    with pytest.raises(AttributeError, match=r"'text'; if the response of .* has it, await the call$"):
        [stub.Ask(Request(text=text)).text for text in "ab"]


# What is not understood is left alone and reported, never dropped or skipped (Zomp, AsyncGenerator)

ODD = """\
import grpc

from greet_pb2_grpc import GreeterStub

HOOKS = {}


def hook(name):
    return lambda function: HOOKS.setdefault(name, function)


def odd(stub: GreeterStub, names, unknown):
    match names:
        case [first, *rest] if (reply := stub.Hi(first)):
            print(reply, rest)
        case _:
            exec("names.clear()")
    unknown.on_change += lambda name: stub.Hi(name)
    unknown.select(lambda name: stub.Hi(name).price > 3).first()
    del names[:]
    return unknown @ stub.Hi(len(names))


@hook("a")
def hooked(stub: GreeterStub, *, deep=lambda stub: [stub.Hi(n) for n in (1, 2)]):
    global LAST
    LAST = stub.Hi("last")
    return deep(stub)
"""


def test_every_statement_is_still_there() -> None:
    result, after = run(ODD)
    undone = after["app.py"].replace("import asyncio\n\n", "").replace("asyncio.to_thread(deep, ", "deep(")
    assert undone.replace("async ", "").replace("await ", "") == swapped(ODD)
    told = {finding.source for finding in result.findings if finding.kind == "cut"}
    for line in ODD.splitlines():
        if "lambda name" in line or "lambda stub" in line:
            assert line.strip() in told, "a call in a lambda is skipped silently"


def test_overrides_change_together_across_an_abstract_class_between() -> None:
    migrated(
        """\
        import abc

        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        class Source(abc.ABC):
            @abc.abstractmethod
            async def load(self): ...


        class Cached(Source, abc.ABC):
            def age(self):
                return 1


        class Remote(Cached):
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            async def load(self):
                return await self.stub.Hi(1)


        class Fixed(Cached):
            async def load(self):
                return 2


        async def show(source: Source):
            print(await source.load())
        """
    )


# Deliberately sync functions stay (sku), and types change with what they are of, used or not (Next.js)


def test_a_function_that_does_not_wait_stays_though_its_neighbours_change() -> None:
    migrated(
        """\
        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        def render(reply):
            return str(reply)


        async def show(stub: GreeterStub):
            return render(await stub.Hi(1))
        """
    )


@pytest.mark.parametrize("use", ["pass", "print(list(names(stub)))"])
def test_annotations_change_whether_or_not_the_value_is_used(use: str) -> None:
    before = f"""\
        from collections.abc import Iterator

        import grpc

        from greet_pb2_grpc import GreeterStub


        def names(stub: GreeterStub) -> Iterator[str]:
            for reply in stub.Many(1):
                yield reply.name


        def show(stub: GreeterStub):
            {use}
        """
    result, after = run(textwrap.dedent(before))
    assert "async def names(stub: GreeterStub) -> AsyncIterator[str]:" in after["app.py"], result.findings


def test_a_getter_has_a_rule_of_its_own() -> None:
    found = rewritten(
        """
        import grpc

        from greet_pb2_grpc import GreeterStub


        class Page:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            @property
            def title(self):
                return self.stub.Hi("title")


        def show(page: Page):
            return page.title, page.stub.Hi(1)
        """,
        """
        import asyncio

        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        class Page:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            @property
            def title(self):
                return self.stub.Hi("title")


        async def show(page: Page):
            return await asyncio.to_thread(lambda: page.title), await page.stub.Hi(1)
        """,
    )
    assert found == ["GB503", "GB715"]
