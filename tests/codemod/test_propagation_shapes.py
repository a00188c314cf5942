"""Colour spreads over whatever connects two functions; each program is shown as it comes out."""

from __future__ import annotations

import textwrap

import pytest

from .tool import migrated

HEAD = "import grpc_bridge as grpc\nfrom greet_pb2_grpc import GreeterStub\n\n"

SHAPES = {
    "an abstract class between": """
        import abc


        class Base(abc.ABC):
            @abc.abstractmethod
            async def read(self, n):
                \"\"\"Read.\"\"\"

            async def twice(self, n):
                return await self.read(n) + await self.read(n)


        class Middle(Base):
            def other(self):
                return 1


        class Remote(Middle):
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            async def read(self, n):
                return await self.stub.Hi(n)


        class Local(Middle):
            async def read(self, n):
                return n


        async def use(reader: Base):
            return await reader.read(1), await reader.twice(2), reader.other()


        async def main(stub: GreeterStub):
            await use(Remote(stub))
            await use(Local())
        """,
    "an abstract class between that overrides": """
        class Base:
            async def read(self):
                raise NotImplementedError


        class Middle(Base):
            async def read(self):
                return await super().read()


        class Remote(Middle):
            stub: GreeterStub

            async def read(self):
                await super().read()
                return await self.stub.Hi(1)
        """,
    "two bases": """
        class Reads:
            async def read(self):
                return 0


        class Logs:
            def log(self):
                return 1


        class Client(Logs, Reads):
            stub: GreeterStub

            async def read(self):
                self.log()
                return await self.stub.Hi(1)


        async def use(reads: Reads):
            return await reads.read()
        """,
    "siblings through their base": """
        class Base:
            async def read(self):
                return 0


        class Remote(Base):
            stub: GreeterStub

            async def read(self):
                return await self.stub.Hi(1)


        class Local(Base):
            async def read(self):
                return 1


        async def use(local: Local):
            return await local.read()
        """,
    "super().__init__ that makes no calls": """
        class Base:
            def __init__(self, channel):
                self.stub = GreeterStub(channel)


        class Client(Base):
            def __init__(self, channel):
                super().__init__(channel)

            async def read(self):
                return await self.stub.Hi(1)
        """,
    "class and static methods": """
        class Client:
            stub = GreeterStub(grpc.insecure_channel("x"))

            @classmethod
            async def one(cls, n):
                return await cls.two(cls.stub, n)

            @staticmethod
            async def two(stub, n):
                return await stub.Hi(n)

            @classmethod
            async def make(cls, n):
                client = cls()
                await client.one(n)
                return client


        async def use():
            client = await Client.make(1)
            await client.two(client.stub, 1)
            return await Client.one(2)
        """,
    "nested functions": """
        async def outer(stub: GreeterStub):
            async def inner(n):
                return await stub.Hi(n)

            def plain(n):
                return n + 1

            return await inner(plain(1))
        """,
    "a function that is returned": """
        def make(stub: GreeterStub):
            async def ask(n):
                return await stub.Hi(n)

            return ask


        async def use(stub: GreeterStub):
            ask = make(stub)
            return await ask(1)
        """,
    "a callable in an attribute": """
        class Worker:
            def __init__(self, ask):
                self.ask = ask

            async def run(self):
                return await self.ask(1)


        async def use(stub: GreeterStub):
            async def ask(n):
                return await stub.Hi(n)

            return await Worker(ask).run()
        """,
    "a bound method in a table": """
        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub
                self.commands = {"read": self.read, "again": self.again}

            async def read(self):
                return await self.stub.Hi(1)

            async def again(self):
                return await self.stub.Hi(2)

            async def run(self, name):
                return await self.commands[name]()
        """,
    "a callable object": """
        class Ask:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            async def __call__(self, n):
                return await self.stub.Hi(n)


        async def use(stub: GreeterStub):
            ask = Ask(stub)
            return await ask(1)
        """,
    "recursion": """
        async def walk(stub: GreeterStub, n):
            if n == 0:
                return await stub.Hi(0)
            return await walk(stub, n - 1)
        """,
    "mutual recursion": """
        async def even(stub: GreeterStub, n):
            return await stub.Hi(n) if n == 0 else await odd(stub, n - 1)


        async def odd(stub, n):
            return n and await even(stub, n - 1)
        """,
    "recursion that makes no calls": """
        def factorial(n):
            return 1 if n == 0 else n * factorial(n - 1)


        async def use(stub: GreeterStub):
            return await stub.Hi(factorial(3))
        """,
    "generators": """
        async def pages(stub: GreeterStub):
            token = 0
            while token is not None:
                page = await stub.Hi(token)
                yield page
                token = page.next


        async def items(stub):
            async for page in pages(stub):
                for item in page.items:
                    yield item


        async def use(stub: GreeterStub):
            async for item in items(stub):
                print(item)
            return [item async for item in items(stub) if item], {n: 1 async for n in items(stub)}
        """,
    "a generator method": """
        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            async def many(self):
                async for reply in self.stub.Many(1):
                    yield reply

            async def all(self):
                return [reply async for reply in self.many()]
        """,
    "nested comprehensions": """
        async def use(stub: GreeterStub, groups):
            return [await stub.Hi(n) for group in groups for n in group if await stub.Hi(n)]
        """,
    "a decorator with wraps": """
        import functools


        def logged(function):
            @functools.wraps(function)
            async def wrapper(*args, **kwargs):
                print("before")
                return await function(*args, **kwargs)

            return wrapper


        class Client:
            stub: GreeterStub

            @logged
            async def read(self, n):
                return await self.stub.Hi(n)


        async def use(client: Client):
            return await client.read(1)
        """,
    "a decorator with arguments": """
        import functools


        def retried(times):
            def decorate(function):
                @functools.wraps(function)
                async def wrapper(*args, **kwargs):
                    for _ in range(times):
                        try:
                            return await function(*args, **kwargs)
                        except grpc.RpcError:
                            continue

                return wrapper

            return decorate


        @retried(3)
        async def read(stub: GreeterStub):
            return await stub.Hi(1)


        async def use(stub: GreeterStub):
            return await read(stub)
        """,
    "a decorator that keeps the function": """
        COMMANDS = {}


        def command(function):
            COMMANDS[function.__name__] = function
            return function


        @command
        async def read(stub: GreeterStub):
            return await stub.Hi(1)


        async def use(stub: GreeterStub):
            await COMMANDS["read"](stub)
            return await read(stub)
        """,
    "a decorator around a generator": """
        import functools


        def guarded(function):
            @functools.wraps(function)
            async def wrapper(*args, **kwargs):
                try:
                    async for item in function(*args, **kwargs):
                        yield item
                except grpc.RpcError as error:
                    print(error)

            return wrapper


        @guarded
        async def read(stub: GreeterStub):
            async for reply in stub.Many(1):
                yield reply


        async def use(stub: GreeterStub):
            return [reply async for reply in read(stub)]
        """,
    "a decorator class": """
        class Logged:
            def __init__(self, function):
                self.function = function

            async def __call__(self, *args):
                return await self.function(*args)


        @Logged
        async def read(stub: GreeterStub):
            return await stub.Hi(1)


        async def use(stub: GreeterStub):
            return await read(stub)
        """,
    "enter and exit": """
        class Session:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            async def __aenter__(self):
                await self.stub.Hi("open")
                return self

            async def __aexit__(self, *error):
                await self.stub.Hi("close")

            async def read(self):
                return await self.stub.Hi(1)


        async def use(stub: GreeterStub):
            async with Session(stub) as session:
                return await session.read()
        """,
    "an exit that alone waits": """
        class Session:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            async def __aenter__(self):
                return self

            async def __aexit__(self, *error):
                await self.stub.Hi("close")


        async def use(stub: GreeterStub):
            async with Session(stub):
                print("in")
        """,
    "a context manager in a class": """
        import contextlib


        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            @contextlib.asynccontextmanager
            async def locked(self):
                await self.stub.Hi("lock")
                try:
                    yield self
                finally:
                    await self.stub.Hi("unlock")


        async def use(client: Client):
            async with client.locked() as held:
                return await held.stub.Hi(1)
        """,
    "next and iter": """
        class Replies:
            def __init__(self, stub: GreeterStub):
                self.replies = stub.Many(1)

            def __aiter__(self):
                return self

            async def __anext__(self):
                return (await anext(self.replies)).text


        async def use(stub: GreeterStub):
            async for text in Replies(stub):
                print(text)
        """,
    "iter as a generator": """
        class Replies:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            async def __aiter__(self):
                async for reply in self.stub.Many(1):
                    yield reply.text


        async def use(stub: GreeterStub):
            return [text async for text in Replies(stub)]
        """,
    "a default that is a function": """
        async def ask(stub: GreeterStub):
            return await stub.Hi(1)


        async def use(stub, asker=ask):
            return await asker(stub)
        """,
    "a method that is an alias": """
        class Client:
            stub: GreeterStub

            async def read(self):
                return await self.stub.Hi(1)

            get = read


        async def use(client: Client):
            return await client.get()
        """,
    "a module that is passed": """
        import sys


        async def ask(stub: GreeterStub):
            return await stub.Hi(1)


        async def use(module, stub: GreeterStub):
            return await ask(stub)
        """,
    "a closure over a loop variable": """
        async def use(stub: GreeterStub):
            tasks = []
            for n in range(3):
                async def task(n=n):
                    return await stub.Hi(n)

                tasks.append(task)
            return [await task() for task in tasks]
        """,
    "conditional definitions": """
        import sys

        if sys.platform == "linux":

            async def ask(stub: GreeterStub):
                return await stub.Hi(1)

        else:

            async def ask(stub: GreeterStub):
                return await stub.Hi(2)


        async def use(stub: GreeterStub):
            return await ask(stub)
        """,
    "a mixin that calls what it does not define": """
        class Mixin:
            async def twice(self):
                return await self.read(), await self.read()


        class Client(Mixin):
            stub: GreeterStub

            async def read(self):
                return await self.stub.Hi(1)
        """,
    "try, finally, else, while": """
        async def use(stub: GreeterStub):
            while await stub.Hi(0):
                try:
                    await stub.Hi(1)
                except grpc.RpcError as error:
                    print(error.code())
                    await stub.Hi(2)
                else:
                    await stub.Hi(3)
                finally:
                    await stub.Hi(4)
            assert await stub.Hi(5), await stub.Hi(6)
            if not await stub.Hi(7):
                raise ValueError(await stub.Hi(8))
            return (await stub.Hi(9)).name
        """,
}


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES.keys())
def test_colour_spreads(body: str) -> None:
    lines = textwrap.dedent(body).lstrip("\n").split("\n")
    count = next(i for i, line in enumerate(lines) if not line.startswith(("import ", "from ")))
    imports = "".join(f"{line}\n" for line in lines[:count])
    migrated(imports + ("\n" if imports else "") + HEAD + "\n".join(lines[count:]))


def test_what_an_asynchronous_context_manager_yields_is_not_its_generator() -> None:
    """It is iterated over in a second run as in the first."""
    migrated(
        """
        import contextlib

        import grpc_bridge as grpc
        from greet_pb2_grpc import GreeterStub


        @contextlib.asynccontextmanager
        async def opened(stub: GreeterStub):
            yield [await stub.Hi(1)]


        async def main(stub: GreeterStub):
            async with opened(stub) as replies:
                print(list(replies), await stub.Hi(2))
        """
    )
