"""`asyncio.run` in what becomes a coroutine, where it would raise: the loop runs already."""

from __future__ import annotations

import pytest

from .tool import rewritten, unchanged

HEAD = """\
{imports}
from greet_pb2_grpc import GreeterStub


async def watch(n):
    return n


"""


@pytest.mark.parametrize(
    ("imports", "before", "after"),
    [
        ("", "asyncio.run(watch(1))", "await watch(1)"),
        ("", "asyncio.run(watch(1), debug=True)", "await watch(1)"),
        ("", "asyncio.run(debug=True, main=watch(1))", "await watch(1)"),
        ("", "asyncio.run((watch(1)))", "(await watch(1))"),
        ("", "print((asyncio.run(watch(1))))", "print((await watch(1)))"),
        ("", "asyncio.run(watch(1)).bit_length()", "(await watch(1)).bit_length()"),
        ("", "asyncio.get_event_loop().run_until_complete(watch(1))", "await watch(1)"),
        ("", "asyncio.new_event_loop().run_until_complete(future=watch(1))", "await watch(1)"),
        ("from asyncio import run\n", "run(watch(1))", "await watch(1)"),
        ("import uvloop\n", "uvloop.run(watch(1))", "await watch(1)"),
    ],
)
def test_it_is_awaited(imports: str, before: str, after: str) -> None:
    head = HEAD.format(imports=imports if imports else "import asyncio\n")
    body = "def use(stub: GreeterStub):\n    print(stub.Hi(1))\n    {}\n"
    migrated = body.replace("def", "async def").replace("stub.Hi", "await stub.Hi")
    assert (
        rewritten(head + body.format(before), HEAD.format(imports="").lstrip() + migrated.format(after)) == []
    )


def test_in_sync_code_it_stays() -> None:
    """A function that has nothing to do with gRPC, and one that is a thread's."""
    source = HEAD.format(imports="import asyncio\n") + (
        "def plain():\n    return asyncio.run(watch(1))\n\n\n"
        "async def already(stub: GreeterStub):\n    loop = asyncio.get_running_loop()\n"
        "    return await loop.run_in_executor(None, plain)\n"
    )
    assert unchanged(source) == []
