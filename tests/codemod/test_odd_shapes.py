"""Constructs that seldom meet: each is known again, or is cut and said."""

from __future__ import annotations

import re
import textwrap

import pytest

from .tool import migrated, rules, run

HEAD = "import grpc_bridge as grpc\nfrom greet_pb2_grpc import GreeterStub\n\n"

KNOWN = {
    "a class pattern": """
        class Job:
            stub: GreeterStub
            n: int


        async def use(job):
            match job:
                case Job(stub, n=0) if await stub.Hi(0):
                    return await stub.Hi(1)
                case Job(stub=s) as same:
                    return await s.Hi(2), await same.stub.Hi(3)
        """,
    "other patterns": """
        async def use(stub: GreeterStub, n):
            match [n, stub, stub, n]:
                case [1, first, *others, _]:
                    return await first.Hi(1), [await other.Hi(2) for other in others]
            match {"stub": stub}:
                case {"stub": found, **rest}:
                    return await found.Hi(len(rest))
            match stub:
                case GreeterStub() | None as single:
                    return await single.Hi(3)
        """,
    "a class decorator": """
        def counted(cls):
            original = cls.ask

            async def ask(self, n):
                self.calls += 1
                return await original(self, n)

            cls.ask = ask
            return cls


        def kept(registry):
            def decorate(cls):
                registry[cls.__name__] = cls
                return cls

            return decorate


        CLIENTS = {}


        @kept(CLIENTS)
        @counted
        class Client:
            stub: GreeterStub

            async def ask(self, n):
                return await self.stub.Hi(n)


        async def use(name):
            return await CLIENTS[name]().ask(1)
        """,
    "a mixin above classes that it does not know": """
        class Mixin:
            async def ask(self, n):
                return await super().ask(n)


        class Plain:
            async def ask(self, n):
                return n


        class Remote:
            stub: GreeterStub

            async def ask(self, n):
                return await self.stub.Hi(n)


        class MixedPlain(Mixin, Plain):
            pass


        class MixedRemote(Mixin, Remote):
            pass


        async def use(mixed: MixedPlain):
            return await mixed.ask(1)
        """,
    "classes that register themselves": """
        class Plugin:
            known = {}

            def __init_subclass__(cls, **kwargs):
                Plugin.known[cls.__name__] = cls

            async def run(self):
                raise NotImplementedError


        class Asks(Plugin):
            stub: GreeterStub

            async def run(self):
                return await self.stub.Hi(1)


        async def use(name):
            return await Plugin.known[name]().run(), [await cls().run() for cls in Plugin.__subclasses__()]
        """,
    "members of an enumeration": """
        import enum


        class Kind(enum.Enum):
            UP = 1
            DOWN = 2

            async def ask(self, stub: GreeterStub):
                return await stub.Hi(self.value)


        async def use(stub: GreeterStub):
            await Kind.UP.ask(stub)
            return [await kind.ask(stub) for kind in Kind]
        """,
    "a named tuple made of another": """
        from typing import Any, NamedTuple


        class Pair(NamedTuple):
            left: Any
            right: Any


        async def use(stub: GreeterStub):
            _, right = Pair(1, 2)._replace(right=stub)
            await right.Hi(1)
            return await Pair._make([1, stub]).right.Hi(2)
        """,
    "a dictionary that makes what it lacks": """
        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            async def ask(self, n):
                return await self.stub.Hi(n)


        class Clients(dict):
            def __missing__(self, stub):
                self[stub] = Client(stub)
                return self[stub]


        async def use(stub: GreeterStub):
            return await Clients()[stub].ask(1)
        """,
    "what an exception carries": """
        class Failed(Exception):
            def __init__(self, stub):
                self.stub = stub


        async def use(stub: GreeterStub):
            try:
                raise Failed(stub)
            except (ValueError, Failed) as error:
                return await error.stub.Hi(1)
        """,
    "a partial method": """
        import functools


        class Client:
            stub: GreeterStub

            async def call(self, n, m):
                return await self.stub.Hi(n + m)

            one = functools.partialmethod(call, 1)


        async def use(client: Client):
            return await client.one(2)
        """,
    "a static method made by a call": """
        async def ask(stub: GreeterStub):
            return await stub.Hi(1)


        class Client:
            stub: GreeterStub
            fetch = staticmethod(ask)

            async def get(self):
                return await self.fetch(self.stub)
        """,
    "methods that a loop puts into a class": """
        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub


        def make(n):
            async def method(self):
                return await self.stub.Hi(n)

            return method


        for n in (1, 2):
            setattr(Client, f"ask{n}", make(n))


        async def use(stub: GreeterStub):
            return await Client(stub).ask1()
        """,
    "a class made by type()": """
        class Base:
            stub: GreeterStub


        async def ask(self):
            return await self.stub.Hi(1)


        Made = type("Made", (Base,), {"ask": ask})


        async def use():
            return await Made().ask()
        """,
    "methodcaller and attrgetter": """
        import operator


        class Client:
            stub: GreeterStub

            async def ask(self, n):
                return await self.stub.Hi(n)


        async def use(client: Client):
            await operator.methodcaller("ask", 1)(client)
            await operator.attrgetter("ask")(client)(2)
            await operator.methodcaller("Hi", 3)(client.stub)
            return await operator.attrgetter("stub.Hi")(client)(4)
        """,
    "a proxy": """
        class Proxy:
            def __init__(self, inner):
                self.inner = inner

            def __getattr__(self, name):
                return getattr(self.inner, name)


        class Client:
            stub: GreeterStub

            async def ask(self, n):
                return await self.stub.Hi(n)

            def name(self):
                return "name"


        async def use(stub: GreeterStub):
            client = Proxy(Proxy(Client()))
            return await client.ask(1), client.name(), await Proxy(stub).Hi(2)
        """,
    "methods of names that are alike": """
        class Visitor:
            stub: GreeterStub

            async def visit(self, node):
                return await getattr(self, f"visit_{type(node).__name__}")(node)

            async def visit_str(self, node):
                return await self.stub.Hi(node)

            async def visit_int(self, node):
                return node

            async def visit_list(self, node):
                return [await self.visit(child) for child in node]
        """,
    "a default of getattr": """
        class Client:
            stub: GreeterStub

            async def ask(self):
                return await self.stub.Hi(1)

            async def use(self):
                return await getattr(self, "other", self.ask)()
        """,
    "a decorator with arguments that may be left out": """
        import functools


        def retry(function=None, *, times=2):
            if function is None:
                return functools.partial(retry, times=times)

            @functools.wraps(function)
            async def wrapper(*args):
                for _ in range(times):
                    return await function(*args)

            return wrapper


        @retry
        async def one(stub: GreeterStub):
            return await stub.Hi(1)


        @retry(times=3)
        async def two(stub: GreeterStub):
            return await stub.Hi(2)


        async def use(stub: GreeterStub):
            return await one(stub), await two(stub)
        """,
    "an iterator that is another's generator": """
        class Pages:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            def __aiter__(self):
                return self.pages()

            async def pages(self):
                async for reply in self.stub.Many(1):
                    yield reply


        async def use(stub: GreeterStub):
            return [page async for page in Pages(stub)]
        """,
    "an iterator that is a stream": """
        class Replies:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            def __aiter__(self):
                return self.stub.Many(1)


        async def use(stub: GreeterStub):
            async for reply in Replies(stub):
                print(reply)
        """,
    "attributes by way of __dict__": """
        class Client:
            def __init__(self, stub, **more):
                self.__dict__.update(more)
                self.__dict__["stub"] = stub
                vars(self)["also"] = stub

            async def ask(self):
                return await self.stub.Hi(1), await self.also.Hi(2), await self.other.Hi(3)


        async def use(stub: GreeterStub):
            return await Client(stub, other=stub).ask()
        """,
    "what isinstance says": """
        import elsewhere


        async def one(found):
            if isinstance(found, GreeterStub) and found:
                return await found.Hi(1)


        async def two(found):
            assert isinstance(found, (int, GreeterStub))
            return await found.Hi(2)


        async def use():
            return await one(elsewhere.found), await two(elsewhere.found)
        """,
    "static and class methods under a decorator": """
        import functools


        def logged(function):
            @functools.wraps(function)
            async def wrapper(*args):
                return await function(*args)

            return wrapper


        class Client:
            stub = GreeterStub(grpc.insecure_channel("x"))

            @staticmethod
            @logged
            async def static(stub):
                return await stub.Hi(1)

            @classmethod
            @logged
            async def of_class(cls):
                return await cls.stub.Hi(2)


        async def use(client: Client):
            return await client.static(client.stub), await client.of_class()
        """,
    "an annotation that names a partial": """
        import functools


        class Client:
            ask: functools.partial

            async def use(self):
                return await self.ask(1)


        async def main(stub: GreeterStub):
            client = Client()
            client.ask = functools.partial(stub.Hi, timeout=3)
            return await client.use()
        """,
}


def with_head(body: str) -> str:
    lines = textwrap.dedent(body).lstrip("\n").split("\n")
    count = next(i for i, line in enumerate(lines) if not line.startswith(("import ", "from ")))
    imports = "".join(f"{line}\n" for line in lines[:count])
    return f"{imports}\n{HEAD}" + "\n".join(["", *lines[count:]])


@pytest.mark.parametrize("body", KNOWN.values(), ids=KNOWN.keys())
def test_it_is_known_again(body: str) -> None:
    assert migrated(with_head(body)) == []


ITERATOR = """
class Pages:
    def __init__(self, stub: GreeterStub):
        self.stub = stub

    def __iter__(self):
        return self

    def __next__(self):
        return self.stub.Hi(1)


"""
SESSION = """
class Session:
    stub: GreeterStub

    def {}(self, *error):
        self.stub.Hi(1)

    def {}(self, *error):
        return None


"""
ASK = "def ask(stub: GreeterStub):\n    return stub.Hi(1)\n\n\n"

CUT = {
    "an iterator that C code reads": (
        "GB702 Pages.__next__ stays sync: it is handed to csv.writer.writerows",
        "import csv\n",
        ITERATOR + "def use(stub: GreeterStub, file):\n    csv.writer(file).writerows(Pages(stub))\n",
    ),
    "a callable object that a thread runs": (
        "GB703 Ask.__call__ stays sync: threading.Timer runs it",
        "import threading\n",
        "class Ask:\n    stub: GreeterStub\n\n    def __call__(self):\n        self.stub.Hi(1)\n\n\n"
        "def use():\n    threading.Timer(1, Ask()).start()\n",
    ),
    "a session on a stack": (
        "GB702 Session.__exit__ stays sync: it is handed to stack.enter_context",
        "import contextlib\n",
        SESSION.format("__enter__", "__exit__")
        + "def use():\n    with contextlib.ExitStack() as stack:\n        stack.enter_context(Session())\n",
    ),
    "a client that is closed for one": (
        "GB702 Session.close stays sync: it is handed to contextlib.closing",
        "import contextlib\n",
        SESSION.format("close", "ask")
        + "def use():\n    with contextlib.closing(Session()):\n        pass\n",
    ),
    "a function that iter calls": (
        "GB702 ask stays sync: it is handed to iter",
        "import functools\n",
        ASK + "def use(stub: GreeterStub):\n    return list(iter(functools.partial(ask, stub), None))\n",
    ),
    "an assignment that calls a setter": (
        "GB706 use stays sync: line N waits where Python calls a method itself",
        "",
        "class Client:\n    stub: GreeterStub\n\n    @property\n    def name(self):\n        return 1\n\n"
        "    @name.setter\n    def name(self, value):\n        self.stub.Hi(value)\n\n\n"
        "def use(client: Client):\n    client.name = client.stub.Hi(1)\n",
    ),
    "an item that is stored": (
        "GB706 use stays sync: line N waits where Python calls a method itself",
        "",
        "class Client:\n    stub: GreeterStub\n\n    def __setitem__(self, name, value):\n"
        "        self.stub.Hi(value)\n\n\n\n\ndef use(client: Client):\n    client[1] = client.stub.Hi(1)\n",
    ),
    "a dataclass that asks when it is made": (
        "GB503 Client.__post_init__ stays sync and waits, so it is called in a worker thread",
        "from dataclasses import dataclass\n",
        "@dataclass\nclass Client:\n    stub: GreeterStub\n\n    def __post_init__(self):\n"
        "        self.stub.Hi(1)\n\n\ndef use(stub: GreeterStub):\n    Client(stub)\n    stub.Hi(2)\n",
    ),
    "a descriptor that asks": (
        "GB503 reading Field.__get__ waits, so it is read in a worker thread",
        "",
        "class Field:\n    def __get__(self, instance, owner):\n        return instance.stub.Hi(1)\n\n\n"
        "class Client:\n    stub: GreeterStub\n    name = Field()\n\n\n"
        "def use(client: Client):\n    print(client.name)\n    client.stub.Hi(1)\n",
    ),
    "a property under a decorator": (
        "GB503 reading Client.name, wrapper waits, so it is read in a worker thread",
        "",
        "def logged(function):\n    def wrapper(*args):\n        return function(*args)\n\n"
        "    return wrapper\n\n\nclass Client:\n    stub: GreeterStub\n\n    @property\n    @logged\n"
        "    def name(self):\n        return self.stub.Hi(1)\n\n\n"
        "def use(client: Client):\n    print(client.name)\n    client.stub.Hi(1)\n",
    ),
    "requests that sync code sends": (
        "GB720 asked stays sync: use stays sync, and sends what it makes",
        "from elsewhere import run\n",
        "def asked(stub: GreeterStub):\n    yield stub.Hi(1)\n\n\n"
        "def use(stub: GreeterStub):\n    return stub.Sum(asked(stub))\n\n\nrun(use)\n",
    ),
    "a thread that calls functions of both colours": (
        "GB706 ask stays sync: line N may or may not be awaitable: ask would be, plain would not",
        "import threading\n",
        ASK + "def plain(stub):\n    return stub\n\n\n"
        "def use(stub):\n    return [step(stub) for step in (ask, plain)]\n\n\n"
        "threading.Timer(1, use).start()\n",
    ),
    "any method at all": (
        "GB706 Client.use stays sync: line N may or may not be awaitable: Client.ask, Client.use would be, ",
        "",
        "class Client:\n    stub: GreeterStub\n\n    def ask(self):\n        return self.stub.Hi(1)\n\n"
        "    def name(self):\n        return 1\n\n    def use(self, name):\n"
        "        return getattr(self, name)()\n",
    ),
    "a generator around generators of both colours": (
        "GB706 wrapper stays sync: line N may or may not be awaitable: many would be, numbers would not",
        "",
        "def guarded(function):\n    def wrapper(*args):\n        for item in function(*args):\n"
        "            yield item\n\n    return wrapper\n\n\n@guarded\ndef many(stub: GreeterStub):\n"
        "    for reply in stub.Many(1):\n        yield reply\n\n\n@guarded\ndef numbers():\n    yield 1\n",
    ),
}


@pytest.mark.parametrize(("told", "imports", "body"), CUT.values(), ids=CUT.keys())
def test_it_is_cut_and_said(told: str, imports: str, body: str) -> None:
    result, _ = run(f"{imports}import grpc\nfrom greet_pb2_grpc import GreeterStub\n\n{body}")
    found = [
        re.sub(r"line \d+", "line N", f"{finding.rule} {finding.message}")
        for finding in result.findings
        if finding.kind == "cut"
    ]
    assert any(message.startswith(told) for message in found), "\n".join(found)


def test_a_decorated_function_in_an_executor() -> None:
    """Its wrapper gets a twin, and the executor gives way to tasks."""
    result, files = run(
        """
        import functools
        from concurrent.futures import ThreadPoolExecutor

        import grpc
        from greet_pb2_grpc import GreeterStub


        def logged(function):
            @functools.wraps(function)
            def wrapper(*args):
                print(function.__name__)
                return function(*args)

            return wrapper


        @logged
        def ask(stub: GreeterStub, n):
            return stub.Hi(n)


        @logged
        def plain(n):
            return n


        def every(stub: GreeterStub, ns):
            with ThreadPoolExecutor(4) as pool:
                futures = [pool.submit(ask, stub, n) for n in ns]
                return [future.result() for future in futures], plain(1)
        """
    )
    assert rules(result) == []
    assert "async def async_wrapper" in files["app.py"]
    assert "ThreadPoolExecutor" not in files["app.py"]


def test_a_guess_is_not_handed_on() -> None:
    """What any name may mean is not what `json.dumps` gets of each."""
    result, files = run(
        """
        import json

        import grpc
        from greet_pb2_grpc import GreeterStub


        class Client:
            stub: GreeterStub

            def ask(self):
                return self.stub.Hi(1)

            def state(self, names):
                return json.dumps({name: getattr(self, name) for name in names})
        """
    )
    assert rules(result) == []
    assert "async def ask" in files["app.py"]


def test_a_wrapper_awaits_what_ends_the_call() -> None:
    """At once, and not only in a second run."""
    _, files = run(
        """
        import functools

        import grpc
        from greet_pb2_grpc import GreeterServicer, GreeterStub, add_GreeterServicer_to_server


        def checked(method):
            @functools.wraps(method)
            def wrapper(self, request, context):
                context.abort(grpc.StatusCode.INTERNAL, "no")
                return method(self, request, context)

            return wrapper


        class Greeter(GreeterServicer):
            stub: GreeterStub

            @checked
            def Hi(self, request, context):
                return self.stub.Hi(request)

            @checked
            def Many(self, request, context):
                yield self.Hi(request, context)

            @checked
            def Sum(self, request_iterator, context):
                return 1
        """
    )
    assert "            await context.abort(" in files["app.py"]
    assert "\n        context.abort(" in files["app.py"]


def test_what_is_indexed_in_a_circle() -> None:
    """It ends: a name that is bound to an element of itself, and called."""
    assert (
        migrated(
            """
            import grpc_bridge as grpc
            from greet_pb2_grpc import GreeterStub


            async def use(stub: GreeterStub, names):
                found = dict
                for name in names:
                    found = found[name]
                return found(await stub.Hi(1))
            """
        )
        == []
    )
