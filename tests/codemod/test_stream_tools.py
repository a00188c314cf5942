"""What stands between a stream and its reader: enumerate, zip, itertools, generator expressions; and what
reads a stream whole.
"""

from __future__ import annotations

import pytest

from .test_calls import client
from .tool import rewritten, unchanged

TOOLS = "import asyncstdlib\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "for i, x in enumerate(stub.Many(1), 1):\n    print(i, x)\nelse:\n    print()",
            "async for i, x in asyncstdlib.enumerate(stub.Many(1), 1):\n    print(i, x)\nelse:\n    print()",
        ),
        (
            "for a, b in zip([1], stub.Many(1)):\n    print(a, b)",
            "async for a, b in asyncstdlib.zip([1], stub.Many(1)):\n    print(a, b)",
        ),
        (
            "return [i for i, _ in enumerate(zip(stub.Many(1), stub.Many(2)))]",
            "return [i async for i, _ in asyncstdlib.enumerate(asyncstdlib.zip(stub.Many(1), stub.Many(2)))]",
        ),
        (
            "return list(map(str, stub.Many(1)))",
            "return [item async for item in asyncstdlib.map(str, stub.Many(1))]",
        ),
        (
            "return set(filter(None, stub.Many(1)))",
            "return {item async for item in asyncstdlib.filter(None, stub.Many(1))}",
        ),
        (
            "yield from enumerate(stub.Many(1))",
            "async for item in asyncstdlib.enumerate(stub.Many(1)):\n    yield item",
        ),
        (
            "return any(x.ok for x in stub.Many(1)), all(stub.Hi(n).ok for n in [1])",
            "return await asyncstdlib.any(x.ok async for x in stub.Many(1)), "
            "await asyncstdlib.all((await stub.Hi(n)).ok for n in [1])",
        ),
    ],
)
def test_counterparts(before: str, after: str) -> None:
    assert rewritten(client(before), TOOLS + client(after, coroutine=True)) == []


@pytest.mark.parametrize("tool", ["islice({}, 3)", "chain({}, [2])", "takewhile(bool, {})", "pairwise({})"])
def test_itertools(tool: str) -> None:
    call = tool.format("stub.Many(1)")
    rewritten(
        "import itertools\n\n" + client(f"for x in itertools.{call}:\n    print(x)"),
        TOOLS + client(f"async for x in asyncstdlib.{call}:\n    print(x)", coroutine=True),
    )


def test_an_import_that_is_used_elsewhere_stays() -> None:
    rewritten(
        "from itertools import count, islice\n\n"
        + client("for x in islice(stub.Many(1), 3):\n    print(x, islice(count(), 1))"),
        "from itertools import count, islice\n\nimport asyncstdlib\n\n"
        + client(
            "async for x in asyncstdlib.islice(stub.Many(1), 3):\n    print(x, islice(count(), 1))",
            coroutine=True,
        ),
    )


def test_an_import_that_is_not_used_any_more_goes() -> None:
    rewritten(
        "from itertools import count, islice\n\n"
        + client("for x in islice(stub.Many(1), 3):\n    print(x, count())"),
        "from itertools import count\n\nimport asyncstdlib\n\n"
        + client(
            "async for x in asyncstdlib.islice(stub.Many(1), 3):\n    print(x, count())", coroutine=True
        ),
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a, *b = stub.Many(1)\nreturn a, b", "a, *b = [item async for item in stub.Many(1)]\nreturn a, b"),
        ("return [*stub.Many(1), 3]", "return [*[item async for item in stub.Many(1)], 3]"),
        ("print(*stub.Many(1))", "print(*[item async for item in stub.Many(1)])"),
        ("xs = []\nxs += stub.Many(1)", "xs = []\nxs += [item async for item in stub.Many(1)]"),
        ("xs = []\nxs.extend(stub.Many(1))", "xs = []\nxs.extend([item async for item in stub.Many(1)])"),
        (
            "xs = set()\nxs.update(x.n for x in stub.Many(1))",
            "xs = set()\nxs.update([x.n async for x in stub.Many(1)])",
        ),
    ],
)
def test_what_reads_a_stream_whole(before: str, after: str) -> None:
    assert rewritten(client(before), client(after, coroutine=True)) == []


def test_functions_of_the_standard_library_read_a_stream_whole() -> None:
    rewritten(
        "import collections\n\n" + client("return collections.Counter(x.k for x in stub.Many(1))"),
        "import collections\n\n"
        + client("return collections.Counter([x.k async for x in stub.Many(1)])", coroutine=True),
    )


def test_a_search_is_reported() -> None:
    assert rewritten(
        client("return 3 in stub.Many(1)"),
        client("return 3 in [item async for item in stub.Many(1)]", coroutine=True),
    ) == ["GB207"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "return next(x for x in stub.Many(1) if x.ok)",
            "return await anext(x async for x in stub.Many(1) if x.ok)",
        ),
        (
            "try:\n    return next((stub.Hi(n) for n in [1]), None)\nexcept StopIteration:\n    return 2",
            "try:\n    return await anext((await stub.Hi(n) for n in [1]), None)\n"
            "except StopAsyncIteration:\n    return 2",
        ),
        (
            "for x in (stub.Hi(n) for n in [1]):\n    print(x)",
            "async for x in (await stub.Hi(n) for n in [1]):\n    print(x)",
        ),
        (
            "return [x for x in (y.n for y in stub.Many(1))]",
            "return [x async for x in (y.n async for y in stub.Many(1))]",
        ),
    ],
)
def test_generator_expressions_that_are_read_as_far_as_needed(before: str, after: str) -> None:
    rewritten(client(before), client(after, coroutine=True))


def test_iter_of_an_asynchronous_generator() -> None:
    body = "def all_of():\n    for x in stub.Many(1):\n        yield x\nit = iter(all_of())\nreturn next(it)"
    after = body.replace("def", "async def").replace("for x", "async for x")
    after = after.replace("iter(", "aiter(").replace("next(", "await anext(")
    rewritten(client(body), client(after, coroutine=True))


@pytest.mark.parametrize(
    "body",
    [
        "return [i for i, x in enumerate([1])], list(zip([1], [2])), any(x for x in [1])",
        "xs = [3]\nxs += [4]\na, b = xs\nreturn 3 in xs",
    ],
)
def test_other_iterables_stay(body: str) -> None:
    rewritten(client("stub.Hi(1)\n" + body), client("await stub.Hi(1)\n" + body, coroutine=True))


def test_a_class_body_cannot_await() -> None:
    assert unchanged(client("class Local:\n    reply = stub.Hi(1)\nreturn Local")) == ["GB706"]


def test_a_generator_expression_in_a_variable() -> None:
    """What only reads it by its name in the same function reads it asynchronously."""
    before = """
    from greet_pb2_grpc import GreeterStub


    def totals(stub: GreeterStub):
        numbers = (r.number for r in stub.Many(1))
        first = next(numbers)
        for number in numbers:
            print(number)
        return first


    def listed(stub: GreeterStub):
        replies = (r for r in stub.Many(1) if r.ok)
        return sorted(replies, key=str)


    def answers(stub: GreeterStub, ns):
        replies = (stub.Hi(n) for n in ns)
        numbers = (r.number for r in replies)
        return sum(numbers), [n for n in (1, 2)]


    def plain(stub: GreeterStub, ns):
        doubles = (n * 2 for n in ns)
        return stub.Hi(1), list(doubles), [n for n in doubles]
    """
    after = """
    from greet_pb2_grpc import GreeterStub


    async def totals(stub: GreeterStub):
        numbers = (r.number async for r in stub.Many(1))
        first = await anext(numbers)
        async for number in numbers:
            print(number)
        return first


    async def listed(stub: GreeterStub):
        replies = (r async for r in stub.Many(1) if r.ok)
        return sorted([item async for item in replies], key=str)


    async def answers(stub: GreeterStub, ns):
        replies = (await stub.Hi(n) for n in ns)
        numbers = (r.number async for r in replies)
        return sum([item async for item in numbers]), [n for n in (1, 2)]


    async def plain(stub: GreeterStub, ns):
        doubles = (n * 2 for n in ns)
        return await stub.Hi(1), list(doubles), [n for n in doubles]
    """
    assert rewritten(before, after) == []


@pytest.mark.parametrize(
    "use",
    [
        "print(replies)",
        "return replies",
        "for i, r in enumerate(replies): print(i, r)",
        "replies = list(replies)",
        "return lambda: list(replies)",
        "list(replies, replies)",
        "replies.close()",
        "a, b = replies",
        "for replies in replies: pass",
    ],
)
def test_a_generator_expression_that_goes_elsewhere_stays(use: str) -> None:
    source = f"""
    from greet_pb2_grpc import GreeterStub


    def read(stub: GreeterStub):
        replies = (r for r in stub.Many(1))
        {use}
    """
    assert "GB720" in unchanged(source)
