"""How colour spreads: calls, classes, modules, decorators, context managers."""

from __future__ import annotations

import pytest

from .tool import rewritten, unchanged


def test_through_modules_and_classes() -> None:
    rewritten(
        {
            "pkg/__init__.py": "from .client import Client\n",
            "pkg/client.py": """
                from greet_pb2_grpc import GreeterStub


                class Client:
                    def __init__(self, channel):
                        self._stub = GreeterStub(channel)

                    def hi(self, n):
                        return self._stub.Hi(n)

                    def twice(self, n):
                        return self.hi(n) + self.hi(n)

                    def name(self):
                        return "client"
                """,
            "app.py": """
                import sys

                import grpc

                from pkg import Client as C


                def make():
                    return C(grpc.insecure_channel("x"))


                def show(client, n):
                    print(client.name(), client.twice(n))


                def main():
                    show(make(), 3)


                if __name__ == "__main__":
                    sys.exit(main())
                """,
        },
        {
            "pkg/__init__.py": "from .client import Client\n",
            "pkg/client.py": """
                from greet_pb2_grpc import GreeterStub


                class Client:
                    def __init__(self, channel):
                        self._stub = GreeterStub(channel)

                    async def hi(self, n):
                        return await self._stub.Hi(n)

                    async def twice(self, n):
                        return await self.hi(n) + await self.hi(n)

                    def name(self):
                        return "client"
                """,
            "app.py": """
                import asyncio
                import sys

                import grpc_bridge as grpc

                from pkg import Client as C


                def make():
                    return C(grpc.insecure_channel("x"))


                async def show(client, n):
                    print(client.name(), await client.twice(n))


                async def main():
                    await show(make(), 3)


                if __name__ == "__main__":
                    sys.exit(asyncio.run(main()))
                """,
        },
    )


def test_overrides_change_together() -> None:
    rewritten(
        """
        import abc

        from greet_pb2_grpc import GreeterStub


        class Source(abc.ABC):
            @abc.abstractmethod
            def get(self):
                ...


        class Middle(Source):
            pass


        class Remote(Middle):
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            def get(self):
                return self.stub.Hi(1)


        class Local(Middle):
            def get(self):
                return 1


        def show(source: Source):
            print(source.get())
        """,
        """
        import abc

        from greet_pb2_grpc import GreeterStub


        class Source(abc.ABC):
            @abc.abstractmethod
            async def get(self):
                ...


        class Middle(Source):
            pass


        class Remote(Middle):
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            async def get(self):
                return await self.stub.Hi(1)


        class Local(Middle):
            async def get(self):
                return 1


        async def show(source: Source):
            print(await source.get())
        """,
    )


def test_a_decorator_changes_with_what_it_wraps() -> None:
    rewritten(
        """
        import functools

        from greet_pb2_grpc import GreeterStub


        def logged(func):
            @functools.wraps(func)
            def wrapper(*args, **kwargs):
                print("call")
                return func(*args, **kwargs)

            return wrapper


        @logged
        def hi(stub: GreeterStub):
            return stub.Hi(1)


        def use(stub):
            print(hi(stub))
        """,
        """
        import functools

        from greet_pb2_grpc import GreeterStub


        def logged(func):
            @functools.wraps(func)
            async def wrapper(*args, **kwargs):
                print("call")
                return await func(*args, **kwargs)

            return wrapper


        @logged
        async def hi(stub: GreeterStub):
            return await stub.Hi(1)


        async def use(stub):
            print(await hi(stub))
        """,
    )


def test_a_retry_helper_that_is_given_a_method() -> None:
    rewritten(
        """
        import time

        from greet_pb2_grpc import GreeterStub


        def retry(call, request, pause=1):
            for _ in range(3):
                try:
                    return call(request)
                except ValueError:
                    time.sleep(pause)


        def use(stub: GreeterStub):
            retry(stub.Hi, 1)
            return retry(lambda n: stub.Hi(n), 2)
        """,
        """
        import asyncio

        from greet_pb2_grpc import GreeterStub


        async def retry(call, request, pause=1):
            for _ in range(3):
                try:
                    return await call(request)
                except ValueError:
                    await asyncio.sleep(pause)


        async def use(stub: GreeterStub):
            await retry(stub.Hi, 1)
            return await retry(lambda n: stub.Hi(n), 2)
        """,
    )


def test_context_managers() -> None:
    rewritten(
        """
        from contextlib import contextmanager

        import grpc

        from greet_pb2_grpc import GreeterStub


        @contextmanager
        def connected(target):
            with grpc.insecure_channel(target) as channel:
                yield GreeterStub(channel)


        def use():
            with connected("x") as stub, open("log") as log:
                log.write(stub.Hi(1))
        """,
        """
        from contextlib import asynccontextmanager

        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        @asynccontextmanager
        async def connected(target):
            async with grpc.insecure_channel(target) as channel:
                yield GreeterStub(channel)


        async def use():
            async with connected("x") as stub:
                with open("log") as log:
                    log.write(await stub.Hi(1))
        """,
    )


def test_a_class_that_is_a_context_manager() -> None:
    rewritten(
        """
        import grpc

        from greet_pb2_grpc import GreeterStub


        class Client:
            def __init__(self, target):
                self.channel = grpc.insecure_channel(target)
                self.stub = GreeterStub(self.channel)

            def __enter__(self):
                return self

            def __exit__(self, *exc):
                self.close()

            def close(self):
                self.channel.close()

            def hi(self):
                return self.stub.Hi(1)


        def use():
            with Client("x") as client:
                print(client.hi())
        """,
        """
        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        class Client:
            def __init__(self, target):
                self.channel = grpc.insecure_channel(target)
                self.stub = GreeterStub(self.channel)

            async def __aenter__(self):
                return self

            async def __aexit__(self, *exc):
                await self.close()

            async def close(self):
                await self.channel.close()

            async def hi(self):
                return await self.stub.Hi(1)


        async def use():
            async with Client("x") as client:
                print(await client.hi())
        """,
    )


def test_a_class_that_iterates_over_a_stream() -> None:
    rewritten(
        """
        from greet_pb2_grpc import GreeterStub


        class Reader:
            def __init__(self, stub: GreeterStub):
                self._replies = stub.Many(1)

            def __iter__(self):
                return self

            def __next__(self):
                reply = next(self._replies)
                if not reply:
                    raise StopIteration
                return reply


        def use(stub: GreeterStub):
            for reply in Reader(stub):
                print(reply)
        """,
        """
        from greet_pb2_grpc import GreeterStub


        class Reader:
            def __init__(self, stub: GreeterStub):
                self._replies = stub.Many(1)

            def __aiter__(self):
                return self

            async def __anext__(self):
                reply = await anext(self._replies)
                if not reply:
                    raise StopAsyncIteration
                return reply


        async def use(stub: GreeterStub):
            async for reply in Reader(stub):
                print(reply)
        """,
    )


def test_code_that_is_async_already() -> None:
    rewritten(
        """
        import asyncio

        from greet_pb2_grpc import GreeterStub


        async def off_loop(stub: GreeterStub):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(None, lambda: stub.Hi(1))


        async def on_loop(stub: GreeterStub):
            return stub.Hi(1)


        async def main(stub):
            print(await on_loop(stub), await off_loop(stub))
        """,
        """
        from greet_pb2_grpc import GreeterStub


        async def off_loop(stub: GreeterStub):
            return await stub.Hi(1)


        async def on_loop(stub: GreeterStub):
            return await stub.Hi(1)


        async def main(stub):
            print(await on_loop(stub), await off_loop(stub))
        """,
    )


def test_a_module_level_stub() -> None:
    rewritten(
        """
        import grpc

        from greet_pb2_grpc import GreeterStub

        STUB = GreeterStub(grpc.insecure_channel("x"))


        def hi():
            return STUB.Hi(1)
        """,
        """
        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub

        STUB = GreeterStub(grpc.insecure_channel("x"))


        async def hi():
            return await STUB.Hi(1)
        """,
    )


def test_the_same_names_elsewhere_stay() -> None:
    assert (
        unchanged(
            """
            import grpc


            class Greeter:
                def Hi(self, n):
                    return n

                def close(self):
                    return None


            def use():
                greeter = Greeter()
                greeter.close()
                return greeter.Hi(1), grpc.StatusCode.OK
            """
        )
        == []
    )


def test_a_protocol_changes_with_what_is_called_through_it() -> None:
    rewritten(
        """
        from typing import Protocol

        from greet_pb2_grpc import GreeterStub


        class Source(Protocol):
            def get(self, n): ...


        class Remote:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            def get(self, n):
                return self.stub.Hi(n)


        def show(source: Source):
            print(source.get(1))


        def use(stub: GreeterStub):
            show(Remote(stub))
        """,
        """
        from typing import Protocol

        from greet_pb2_grpc import GreeterStub


        class Source(Protocol):
            async def get(self, n): ...


        class Remote:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            async def get(self, n):
                return await self.stub.Hi(n)


        async def show(source: Source):
            print(await source.get(1))


        async def use(stub: GreeterStub):
            await show(Remote(stub))
        """,
    )


def test_a_lambda_that_passes_a_call_through() -> None:
    rewritten(
        """
        from greet_pb2_grpc import GreeterStub


        def stub(channel):
            return GreeterStub(channel)


        def use(channel):
            say = lambda n: stub(channel).Hi(n)
            return say(1).text
        """,
        """
        from greet_pb2_grpc import GreeterStub


        def stub(channel):
            return GreeterStub(channel)


        async def use(channel):
            say = lambda n: stub(channel).Hi(n)
            return (await say(1)).text
        """,
    )


def test_dataclasses_dictionaries_and_globals_hold_stubs() -> None:
    rewritten(
        """
        import dataclasses

        import grpc

        from greet_pb2_grpc import GreeterStub


        @dataclasses.dataclass
        class Needs:
            stub: GreeterStub


        STUBS = {}
        _stub = None


        def stub_for(name):
            if name not in STUBS:
                STUBS[name] = GreeterStub(grpc.insecure_channel(name))
            return STUBS[name]


        def the_stub():
            global _stub
            if _stub is None:
                _stub = GreeterStub(grpc.insecure_channel("x"))
            return _stub


        def use(needs: Needs):
            return needs.stub.Hi(1), stub_for("a").Hi(2), the_stub().Hi(3)
        """,
        """
        import dataclasses

        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        @dataclasses.dataclass
        class Needs:
            stub: GreeterStub


        STUBS = {}
        _stub = None


        def stub_for(name):
            if name not in STUBS:
                STUBS[name] = GreeterStub(grpc.insecure_channel(name))
            return STUBS[name]


        def the_stub():
            global _stub
            if _stub is None:
                _stub = GreeterStub(grpc.insecure_channel("x"))
            return _stub


        async def use(needs: Needs):
            return await needs.stub.Hi(1), await stub_for("a").Hi(2), await the_stub().Hi(3)
        """,
    )


EITHER = """
from contextlib import contextmanager

from greet_pb2_grpc import GreeterStub


{first}


{second}


def main(stub: GreeterStub, quick):
    {use}
"""
GENERATORS = (
    "def replies(stub):\n    for reply in stub.Many(1):\n        yield reply",
    "def numbers():\n    yield 1",
    "for item in numbers() if quick else replies(stub):\n        print(item)",
)
ITERATORS = (
    "class Replies:\n    def __init__(self, stub):\n        self.stub = stub\n\n"
    "    def __iter__(self):\n        yield self.stub.Hi(1)",
    "class Numbers:\n    def __iter__(self):\n        yield 1",
    "for item in Numbers() if quick else Replies(stub):\n        print(item)",
)
MANAGERS = (
    "@contextmanager\ndef asked(stub):\n    yield stub.Hi(1)",
    "@contextmanager\ndef known():\n    yield 1",
    "with known() if quick else asked(stub) as reply:\n        print(reply)",
)
CLASSES = (
    "class Asked:\n    def __init__(self, stub):\n        self.stub = stub\n\n"
    "    def __enter__(self):\n        return self.stub.Hi(1)\n\n    def __exit__(self, *e):\n        pass",
    "class Known:\n    def __enter__(self):\n        return 1\n\n    def __exit__(self, *e):\n        pass",
    "with Known() if quick else Asked(stub) as reply:\n        print(reply)",
)


@pytest.mark.parametrize(
    "parts",
    [GENERATORS, ITERATORS, MANAGERS, CLASSES],
    ids=["generators", "iterators", "managers", "classes"],
)
def test_what_may_be_of_either_colour_is_not_driven_by_a_coroutine(parts: tuple[str, str, str]) -> None:
    first, second, use = parts
    assert "GB706" in unchanged(EITHER.format(first=first, second=second, use=use))
