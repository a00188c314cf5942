"""Response streams: loops, comprehensions, `next`, what reads a whole stream, `yield from`."""

from __future__ import annotations

import pytest

from .test_calls import client
from .tool import rewritten, unchanged


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("for x in stub.Many(1):\n    print(x)", "async for x in stub.Many(1):\n    print(x)"),
        (
            "replies = stub.Chat(iter([1]))\nfor x in replies:\n    print(x)\nelse:\n    print('end')",
            "replies = stub.Chat(iter([1]))\nasync for x in replies:\n    print(x)\nelse:\n    print('end')",
        ),
        ("return [x.n for x in stub.Many(1) if x]", "return [x.n async for x in stub.Many(1) if x]"),
        ("return {x for x in stub.Many(1)}", "return {x async for x in stub.Many(1)}"),
        ("return {x: 1 for x in stub.Many(1)}", "return {x: 1 async for x in stub.Many(1)}"),
        ("return sum(x.n for x in stub.Many(1))", "return sum([x.n async for x in stub.Many(1)])"),
        ("return max((x.n for x in stub.Many(1)))", "return max([x.n async for x in stub.Many(1)])"),
        (
            "return ', '.join(x.n for x in stub.Many(1))",
            "return ', '.join([x.n async for x in stub.Many(1)])",
        ),
        (
            "return dict((x.k, x.v) for x in stub.Many(1))",
            "return dict([(x.k, x.v) async for x in stub.Many(1)])",
        ),
        ("return list(stub.Many(1))", "return [item async for item in stub.Many(1)]"),
        ("return set(stub.Many(1))", "return {item async for item in stub.Many(1)}"),
        ("return tuple(stub.Many(1))", "return tuple([item async for item in stub.Many(1)])"),
        (
            "return sorted(stub.Many(1), key=str)",
            "return sorted([item async for item in stub.Many(1)], key=str)",
        ),
        (
            "item = 2\nreturn list(stub.Many(item))",
            "item = 2\nreturn [element async for element in stub.Many(item)]",
        ),
        ("return len(list(stub.Many(1)))", "return len([item async for item in stub.Many(1)])"),
        ("it = iter(stub.Many(1))\nreturn next(it)", "it = aiter(stub.Many(1))\nreturn await anext(it)"),
        ("return next(stub.Many(1), None)", "return await anext(stub.Many(1), None)"),
        ("return next(stub.Many(1)).n", "return (await anext(stub.Many(1))).n"),
        ("return stub.Many(1).__next__()", "return await anext(stub.Many(1))"),
        (
            "call = stub.Many(1)\nfor x in call:\n    print(x)\nreturn call.trailing_metadata()",
            "call = stub.Many(1)\nasync for x in call:\n    print(x)\nreturn await call.trailing_metadata()",
        ),
        (
            "for x in stub.Many(1):\n    print(stub.Hi(x))",
            "async for x in stub.Many(1):\n    print(await stub.Hi(x))",
        ),
        ("yield from stub.Many(1)", "async for item in stub.Many(1):\n    yield item"),
        ("for x in stub.Many(1):\n    yield x", "async for x in stub.Many(1):\n    yield x"),
    ],
)
def test_a_stream_is_read(before: str, after: str) -> None:
    assert rewritten(client(before), client(after, coroutine=True)) == []


def test_the_end_of_a_stream() -> None:
    rewritten(
        client("it = stub.Many(1)\ntry:\n    return next(it)\nexcept StopIteration:\n    return None"),
        client(
            "it = stub.Many(1)\ntry:\n    return await anext(it)\n"
            "except StopAsyncIteration:\n    return None",
            coroutine=True,
        ),
    )


def test_the_end_of_another_iterator_stays() -> None:
    rewritten(
        client("stub.Hi(1)\ntry:\n    return next(iter([]))\nexcept StopIteration:\n    return None"),
        client(
            "await stub.Hi(1)\ntry:\n    return next(iter([]))\nexcept StopIteration:\n    return None",
            coroutine=True,
        ),
    )


def test_an_enumeration_that_is_kept_for_later_is_reported() -> None:
    found = rewritten(
        client("pairs = enumerate(stub.Many(1), 1)\nfor i, x in pairs:\n    print(i, x)"),
        client(
            "pairs = enumerate([item async for item in stub.Many(1)], 1)\n"
            "for i, x in pairs:\n    print(i, x)",
            coroutine=True,
        ),
    )
    assert found == ["GB207"]


def test_a_name_that_becomes_a_list() -> None:
    rewritten(
        client("xs = stub.Many(1)\nxs = list(xs)\nfor x in xs:\n    print(x)"),
        client(
            "xs = stub.Many(1)\nxs = [item async for item in xs]\nfor x in xs:\n    print(x)",
            coroutine=True,
        ),
    )


@pytest.mark.parametrize(
    "body",
    [
        "return itertools.islice(stub.Many(1), 3)",
        "return (x.n for x in stub.Many(1))",
        "reply = yield from stub.Many(1)\nreturn reply",
        "return stub.Many(1), unknown(stub.Many(2))",
    ],
)
def test_a_stream_that_goes_elsewhere_is_cut(body: str) -> None:
    source = "import itertools\n\n" + client(body) + "\n\nunknown = itertools.chain\n"
    unchanged(source)


@pytest.mark.parametrize(
    "body",
    [
        "for x in [1, 2]:\n    print(x)",
        "return stub.Chat(x for x in range(3))",
        "def requests():\n    for n in range(3):\n        yield n\nreturn stub.Chat(requests())",
        "return iter(stub.Many(1))",
    ],
)
def test_other_loops_stay(body: str) -> None:
    assert unchanged(client(body)) == []


def test_a_blocking_request_iterator_stays_sync() -> None:
    # Not so where its queue is the function's own, which becomes asyncio's: see test_primitives.
    body = "{}for x in stub.Chat(iter(q.get, None)):\n    q.put(x)"
    begin = "import queue\n\nq = queue.Queue()\n\n"
    rewritten(begin + client(body.format("")), begin + client(body.format("async "), coroutine=True))


def test_two_generators_deep() -> None:
    rewritten(
        """
        from greet_pb2_grpc import GreeterStub


        def inner(stub: GreeterStub):
            for x in stub.Many(1):
                yield x


        def outer(stub: GreeterStub):
            for x in inner(stub):
                if x:
                    yield x


        def first(stub: GreeterStub):
            return list(outer(stub)), next(inner(stub))
        """,
        """
        from greet_pb2_grpc import GreeterStub


        async def inner(stub: GreeterStub):
            async for x in stub.Many(1):
                yield x


        async def outer(stub: GreeterStub):
            async for x in inner(stub):
                if x:
                    yield x


        async def first(stub: GreeterStub):
            return [item async for item in outer(stub)], await anext(inner(stub))
        """,
    )


def test_a_list_that_nobody_takes() -> None:
    """To drain a stream builds no list."""
    rewritten(
        """
        from greet_pb2_grpc import GreeterStub


        def drained(stub: GreeterStub):
            # to its end
            list(stub.Many(1))  # all of it
            tuple(
                stub.Many(2)
            )
            if stub: list(stub.Many(3))
            list(stub.Many(4)); print(4)


        def translated(stub: GreeterStub, _):
            list(stub.Many(_("five")))
        """,
        """
        from greet_pb2_grpc import GreeterStub


        async def drained(stub: GreeterStub):
            # to its end
            async for _ in stub.Many(1):  # all of it
                pass
            async for _ in stub.Many(2):
                pass
            if stub: [item async for item in stub.Many(3)]
            [item async for item in stub.Many(4)]; print(4)


        async def translated(stub: GreeterStub, _):
            async for item in stub.Many(_("five")):
                pass
        """,
    )


def test_yield_from_that_shares_its_line() -> None:
    rewritten(
        """
        from greet_pb2_grpc import GreeterStub


        def relay(stub: GreeterStub, x):
            # before
            print(1); yield from stub.Many(1); print(2)  # after
            if x: yield from stub.Many(3)  # three
            elif not x: print(4); yield from [4]
            else: yield from stub.Many(5)
            try: print(6)
            except ValueError: yield from stub.Many(6)
            print(7); yield from stub.Many(7)  # seven
        """,
        """
        from greet_pb2_grpc import GreeterStub


        async def relay(stub: GreeterStub, x):
            # before
            print(1)
            async for item in stub.Many(1):
                yield item
            print(2)  # after
            if x:  # three
                async for item in stub.Many(3):
                    yield item
            elif not x:
                print(4)
                for item in [4]:
                    yield item
            else:
                async for item in stub.Many(5):
                    yield item
            try: print(6)
            except ValueError:
                async for item in stub.Many(6):
                    yield item
            print(7)
            async for item in stub.Many(7):  # seven
                yield item
        """,
    )
