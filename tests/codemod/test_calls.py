"""Unary calls, `with_call`, futures and what is asked of them."""

from __future__ import annotations

import pytest

from .tool import migrated, rewritten, unchanged

HEADER = "from greet_pb2_grpc import GreeterStub\n\n\n"


def client(body: str, *, coroutine: bool = False) -> str:
    """A function `use(stub)` with the given body."""
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return f"{HEADER}{'async ' if coroutine else ''}def use(stub: GreeterStub):\n{lines}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return stub.Hi(1)", "return await stub.Hi(1)"),
        ("return stub.Hi(1).value", "return (await stub.Hi(1)).value"),
        ("return (stub.Hi(1)).value", "return (await stub.Hi(1)).value"),
        ("return stub.Hi(1)[0]", "return (await stub.Hi(1))[0]"),
        ("return stub.Hi(1)()", "return (await stub.Hi(1))()"),
        ("return print(stub.Hi(1))", "return print(await stub.Hi(1))"),
        ("return print(*stub.Hi(1).parts)", "return print(*(await stub.Hi(1)).parts)"),
        ("return -stub.Hi(1) ** 2", "return -await stub.Hi(1) ** 2"),
        ("return not stub.Hi(1)", "return not await stub.Hi(1)"),
        ("return stub.Hi(1) if stub.Hi(2) else 3", "return await stub.Hi(1) if await stub.Hi(2) else 3"),
        ("return f'{stub.Hi(1)}'", "return f'{await stub.Hi(1)}'"),
        ("return [stub.Hi(n) for n in (1, 2)]", "return [await stub.Hi(n) for n in (1, 2)]"),
        ("return {n: stub.Hi(n) for n in (1, 2)}", "return {n: await stub.Hi(n) for n in (1, 2)}"),
        ("return sum(stub.Hi(n) for n in (1, 2))", "return sum([await stub.Hi(n) for n in (1, 2)])"),
        ("total = 0\ntotal += stub.Hi(1)", "total = 0\ntotal += await stub.Hi(1)"),
        ("while stub.Hi(1):\n    pass", "while await stub.Hi(1):\n    pass"),
        (
            "if (answer := stub.Hi(1)):\n    print(answer)",
            "if (answer := await stub.Hi(1)):\n    print(answer)",
        ),
        ("return stub.Sum(iter([1]))", "return await stub.Sum(iter([1]))"),
        ("return stub.Hi(stub.Hi(1))", "return await stub.Hi(await stub.Hi(1))"),
        ("return getattr(stub, 'Hi')(1)", "return await getattr(stub, 'Hi')(1)"),
        ("hi = stub.Hi\nreturn hi(1)", "hi = stub.Hi\nreturn await hi(1)"),
        (
            "try:\n    return stub.Hi(1)\nexcept ValueError:\n    return None",
            "try:\n    return await stub.Hi(1)\nexcept ValueError:\n    return None",
        ),
        ("reply, call = stub.Hi.with_call(1)", "reply, call = await stub.Hi.with_call(1)"),
        (
            "reply, call = stub.Hi.with_call(1)\nreturn call.code().name",
            "reply, call = await stub.Hi.with_call(1)\nreturn (await call.code()).name",
        ),
        ("return stub.Hi.with_call(1)[0]", "return (await stub.Hi.with_call(1))[0]"),
    ],
)
def test_a_call_is_awaited(before: str, after: str) -> None:
    rewritten(client(before), client(after, coroutine=True))


@pytest.mark.parametrize("method", ["result", "exception", "traceback", "code", "details"])
def test_what_a_future_waits_for_is_awaited(method: str) -> None:
    rewritten(
        client(f"future = stub.Hi.future(1)\nreturn future.{method}()"),
        client(f"future = stub.Hi.future(1)\nreturn await future.{method}()", coroutine=True),
    )


def test_futures_in_a_list() -> None:
    before = "fs = [stub.Hi.future(n) for n in (1, 2)]\nreturn [f.result(timeout=3) for f in fs]"
    rewritten(client(before), client(before.replace("[f.", "[await f."), coroutine=True))


def test_futures_in_pairs() -> None:
    before = "todo = []\ntodo.append((1, stub.Hi.future(1)))\nfor n, f in todo:\n    print(n, f.result())"
    rewritten(client(before), client(before.replace("f.result", "await f.result"), coroutine=True))


@pytest.mark.parametrize(
    "body",
    [
        "return stub.Hi.future(1)",
        "return stub.Hi",
        "future = stub.Hi.future(1)\nfuture.cancel()\nreturn future.done()",
        "stub.Hi.future(1).add_done_callback(lambda f: print(f.result()))",
        "return stub.Many(1)",
        "return stub.Unknown(1)",
        "return stub.Chat(iter([1])).cancel()",
    ],
)
def test_what_does_not_wait_stays(body: str) -> None:
    assert unchanged(client(body)) == []


def test_a_done_callback_stays_plain() -> None:
    assert (
        unchanged(
            """
            import grpc

            from greet_pb2_grpc import GreeterStub


            def report(future):
                if future.code() is grpc.StatusCode.OK:
                    print(future.result(), future.exception())


            def start(stub: GreeterStub):
                future = stub.Hi.future(1)
                future.add_done_callback(report)
                return future
            """
        )
        == []
    )


def test_an_error_is_asked_without_await() -> None:
    rewritten(
        """
        import grpc

        from greet_pb2_grpc import GreeterStub


        def use(stub: GreeterStub):
            try:
                return stub.Hi(1)
            except grpc.RpcError as error:
                return error.code(), error.details()
        """,
        """
        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        async def use(stub: GreeterStub):
            try:
                return await stub.Hi(1)
            except grpc.RpcError as error:
                return error.code(), error.details()
        """,
    )


@pytest.mark.parametrize(
    "source",
    [
        "def use(stub):\n    return stub.Hi(1)\n",
        "def use(stub: dict):\n    return stub.Hi(1)\n",
        "import grpc\n\n\ndef use(code):\n    return code is grpc.StatusCode.OK\n",
        "class Stub:\n    def Hi(self, n):\n        return n\n\n\ndef use():\n    return Stub().Hi(1)\n",
    ],
)
def test_what_is_not_known_to_be_a_stub_stays(source: str) -> None:
    assert unchanged(source) == []


def test_multi_callables_made_by_hand() -> None:
    rewritten(
        """
        import grpc


        def use():
            channel = grpc.insecure_channel("localhost:1")
            hi = channel.unary_unary("/greet.Greeter/Hi")
            many = channel.unary_stream("/greet.Greeter/Many")
            for item in many(hi(1)):
                print(item)
        """,
        """
        import grpc_bridge as grpc


        async def use():
            channel = grpc.insecure_channel("localhost:1")
            hi = channel.unary_unary("/greet.Greeter/Hi")
            many = channel.unary_stream("/greet.Greeter/Many")
            async for item in many(await hi(1)):
                print(item)
        """,
    )


def test_every_position_that_an_expression_may_have() -> None:
    found = migrated(
        """
        from greet_pb2_grpc import GreeterStub


        async def positions(stub: GreeterStub, d, wrap):
            wrap(await stub.Hi(1), *[await stub.Hi(2)], *await stub.Hi(3), key=await stub.Hi(4))
            wrap(**{"a": await stub.Hi(1)}, **await stub.Hi(2))
            a = [await stub.Hi(n) for n in d if (await stub.Hi(n)).ok]
            b = {await stub.Hi(n): await stub.Hi(n) for n in d}
            b |= {await stub.Hi(n) for n in (await stub.Hi(1)).all}
            x = await stub.Hi(1) if await stub.Hi(2) else await stub.Hi(3)
            if await stub.Hi(1) and not await stub.Hi(2) or (await stub.Hi(3)).x == (await stub.Hi(4)).y:
                x += await stub.Hi(1)
            elif (w := await stub.Hi(1)) in await stub.Hi(2):
                d[(await stub.Hi(1)).k] += (await stub.Hi(2)).n
            while await stub.Hi(1):
                del d[await stub.Hi(1)]
            assert await stub.Hi(1), await stub.Hi(2)
            y: int = -await stub.Hi(1) ** 2
            z = f"{await stub.Hi(1)} {(await stub.Hi(2)).text!r:>10} {await stub.Hi(3):{await stub.Hi(4)}}"
            z = (await stub.Hi(1)).a.b((await stub.Hi(2)).c)[await stub.Hi(3)].d[await stub.Hi(4):]
            a, *b = await stub.Hi(1), (await stub.Hi(2),)
            with open(await stub.Hi(1)) as file, await stub.Hi(2) as other:
                raise ValueError(await stub.Hi(1)) from await stub.Hi(2)
            return a, b, w, x, y, z


        async def statements(stub: GreeterStub, wrap):
            for n in (await stub.Hi(1)).items:
                print(n)
            else:
                await stub.Hi(2)
            try:
                return await stub.Hi(1)
            except await stub.Hi(2) as error:
                raise error
            else:
                await stub.Hi(3)
            finally:
                await stub.Hi(4)


        async def matched(stub: GreeterStub, wrap):
            match await stub.Hi(1):
                case 1 if await stub.Hi(2):
                    return (
                        (await stub.Hi(3))  # the third
                        .text
                    )

            @wrap(await stub.Hi(4))
            class Inner:
                pass

            return Inner, await (stub.Hi)(5)
        """
    )
    assert found == []


def test_builtins_that_are_called_with_keywords_alone() -> None:
    """Wrong at run time, or of use where the name is not the builtin; the codemod reads on."""
    assert (
        unchanged("""
        import grpc


        def odd(keywords):
            next(default=1)
            next(**keywords)
            iter(**keywords)
            list(**keywords)
            enumerate(iterable=keywords)
            map(**keywords)
            zip(**keywords)
            getattr(**keywords)
            sorted(iterable=keywords, key=len)
        """)
        == []
    )


def test_what_was_a_coroutine_already_is_left_to_whoever_called_it() -> None:
    # google-auth hands such calls to something that awaits them.
    assert (
        unchanged(
            """
            import grpc


            class Request:
                async def __call__(self, url):
                    return url


            class Session:
                def __init__(self):
                    self.request = Request()

                async def get(self, with_timeout):
                    return await with_timeout(self.request("url"))
            """
        )
        == []
    )


def test_an_asynchronous_generator_is_not_what_a_plain_loop_reads() -> None:
    # It cannot be: what the analysis takes for one there is something else.
    assert (
        unchanged(
            """
            import grpc


            async def content():
                yield b""


            async def granted(known):
                reply = content() if known is None else known
                return "scope" in reply
            """
        )
        == []
    )


def test_default_arguments_wait_where_they_are_evaluated() -> None:
    """In the function around, which is a coroutine; a default of a module's function is the module's."""
    found = migrated(
        """
        from greet_pb2_grpc import GreeterStub


        async def outer(stub: GreeterStub):
            def inner(reply=await stub.Hi(1), *, other=(await stub.Hi(2)).text):
                return reply, other

            pick = lambda reply=await stub.Hi(3): reply
            return inner(), pick()
        """
    )
    assert found == []


def test_a_default_argument_at_the_top_level_stays() -> None:
    source = """
    from greet_pb2_grpc import GreeterStub

    stub = GreeterStub(None)


    def greet(reply=stub.Hi(1)):
        return reply
    """
    assert unchanged(source) == []


def test_connectivity() -> None:
    """To become ready is waited for; to be told of changes is not."""
    found = migrated(
        """
        import grpc_bridge as grpc


        async def ready(channel: grpc.Channel, tell):
            channel.subscribe(tell, try_to_connect=True)
            await grpc.channel_ready_future(channel).result(timeout=1)
            future = grpc.channel_ready_future(channel)
            future.add_done_callback(tell)
            channel.unsubscribe(tell)
            return await future.result(), future.done(), future.cancel()
        """
    )
    assert found == []
